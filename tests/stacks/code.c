/* SPDX-License-Identifier: MIT */
/* Functions with frames of many forms, for unwind.py. */
typedef unsigned long long u64;
extern u64 sink(u64 a, void *p);
u64 sink_value;
int _fltused;
void *volatile kept;
#define KEEP __attribute__((noinline))
void *memcpy(void *to, const void *from, u64 n)
{
	for (volatile u64 i = 0; i < n; i++)
		((char *)to)[i] = ((const char *)from)[i];
	return to;
}
void *memset(void *to, int c, u64 n)
{
	for (volatile u64 i = 0; i < n; i++)
		((char *)to)[i] = (char)c;
	return to;
}
KEEP u64 sink(u64 a, void *p)
{
	kept = p;
	sink_value ^= a;
	return sink_value * 3;
}
KEEP u64 leaf(u64 a, u64 b)
{
	return a * b + 7;
}
KEEP u64 one_call(u64 a)
{
	return sink(a, 0) + 1;
}
KEEP u64 tail_call(u64 a)
{
	u64 b = sink(a, 0);
	return one_call(b + a);
}
KEEP u64 many_registers(u64 a, u64 b, u64 c, u64 d)
{
	u64 e = sink(a, 0), f = sink(b, 0), g = sink(c, 0), h = sink(d, 0);
	u64 i = sink(a + e, 0), j = sink(b + f, 0);
	return a * e + b * f + c * g + d * h + i * j + sink(a ^ j, 0) * i + e * f * g * h;
}
KEEP u64 big_frame(u64 a)
{
	char buffer[0x3000];
	buffer[a & 0xfff] = (char)a;
	u64 r = sink(a, buffer);
	return r + (u64)buffer[r & 0xfff];
}
KEEP u64 medium_frame(u64 a)
{
	u64 buffer[40];
	for (int i = 0; i < 40; i++)
		buffer[i] = a + (u64)i;
	return sink(a, buffer) + buffer[a % 40];
}
KEEP u64 dynamic(u64 a, u64 n)
{
	u64 *p = (u64 *)__builtin_alloca((n & 0xff) * 8 + 16);
	u64 s = 0;
	for (u64 i = 0; i <= (n & 0xff); i++)
		p[i] = a + i;
	for (u64 i = 0; i <= (n & 0xff); i++)
		s += sink(p[i], p) * a;
	return s + p[0];
}
KEEP u64 aligned(u64 a)
{
	u64 buffer[16] __attribute__((aligned(64)));
	buffer[a & 15] = a;
	return sink(a, buffer) + buffer[(a + 1) & 15] + a;
}
KEEP double floats(double a, double b)
{
	double c = a * b + 1.0, d = a - b, e = a / (b + 2.0);
	u64 x = sink((u64)a, 0);
	double f = (double)x * c;
	x = sink(x, 0);
	return c + d * e + f * (double)x + a * b;
}
KEEP u64 early(u64 a, u64 b)
{
	if (a == 3)
		return 5;
	u64 c = sink(a, 0);
	if (c & 1)
		return c + b;
	u64 d = sink(c, 0);
	if (d & 2)
		return one_call(d) * b + c;
	return sink(b + d, 0) + a;
}
KEEP u64 recursive(u64 a, u64 n)
{
	if (n == 0)
		return sink(a, 0);
	u64 x = recursive(a + 1, n - 1);
	return x * a + recursive(x, n / 2);
}
struct wide {
	u64 v[9];
};
KEEP struct wide structure(u64 a, struct wide w)
{
	struct wide r = w;
	r.v[a & 7] = sink(a, &r);
	return r;
}
KEEP u64 uses_structure(u64 a)
{
	struct wide w = {{a, 1, 2, 3, 4, 5, 6, 7, a}};
	struct wide r = structure(a, w);
	return r.v[a & 7] + w.v[2] + sink(a, &r);
}
KEEP u64 six(u64 a, u64 b, u64 c, u64 d, u64 e, u64 f, u64 g, u64 h, u64 i, u64 j)
{
	return sink(a + b + c, 0) + d * e + f + g * h + sink(i * j, 0) + a;
}
KEEP u64 loops(u64 a)
{
	u64 s = 0;
	for (u64 i = 0; i < a; i++) {
		if (sink(i, 0) & 4)
			s += six(i, s, a, 1, 2, 3, 4, i, s, 5);
		else
			s ^= many_registers(s, i, a, 9);
	}
	return s;
}
u64 entry(u64 a)
{
	return one_call(a) + tail_call(a) + leaf(a, 2) + big_frame(a) + medium_frame(a) + dynamic(a, 3) + aligned(a) +
	       (u64)floats(1.5, 2.5) + early(a, 4) + recursive(a, 2) + uses_structure(a) + loops(a);
}
