#!/bin/sh
# The statements that README shows load NDJSON into SQLite and PostgreSQL, and its queries give what the JSON document
# says. README's blocks of SQL are run as they stand, the first for SQLite, the second for PostgreSQL.
# shellcheck source=tests/cli/lib.sh
. "$2/tests/cli/lib.sh"
need sqlite3
need python3
for format in ndjson json; do
	run tags -q --isf "$root/fixtures/odd-tags-8.1-x64.isf.json.xz" --format "$format" -o "$tmp/tags.$format" \
		"$root/fixtures/odd-tags-8.1-x64.dmp.gz"
	expect 0 "$format"
done
cd "$tmp" || exit 1

python3 - "$root/README.md" <<'PY'
import json, re, sys
blocks = re.findall(r'^```sql\n(.*?)^```', open(sys.argv[1]).read(), re.M | re.S)
assert len(blocks) == 2, '%d blocks of SQL in README, not 2' % len(blocks)
for name, text in zip(('sqlite', 'postgresql'), blocks):
    open(name + '.sql', 'w').write(text)
rows = json.load(open('tags.json'))['rows']
# The five largest; tags of which less than one percent was ever freed.
largest = sorted((r for r in rows if r['live_bytes'] is not None), key=lambda r: (-r['live_bytes'], r['tag']))[:5]
with open('want', 'w') as f:
    for r in largest:
        print(r['tag'], r['pool'], r['live'], r['live_bytes'], sep='|', file=f)
    for r in sorted((r for r in rows if r['allocs'] and r['allocs'] > 100 and r['frees'] < 0.01 * r['allocs']),
                    key=lambda r: (-r['allocs'], r['tag'])):
        print(r['tag'], r['pool'], r['allocs'], r['frees'], sep='|', file=f)
PY
[ -s want ] || fail 'README has no statements'

sqlite3 pool.db <sqlite.sql >have 2>err || fail "SQLite: $(head -n 1 err)"
diff want have >diff || { fail 'SQLite gives other rows'; head -n 5 diff; }

bin=$(find /usr/lib/postgresql/*/bin -maxdepth 0 2>/dev/null | tail -n 1)
if [ ! -x "$bin/initdb" ]; then
	echo 'PostgreSQL is not installed: that part skipped'
	finish
fi
# The server refuses to run as root.
as=
if [ "$(id -u)" -eq 0 ]; then
	getent passwd postgres >/dev/null || { echo 'no user postgres: that part skipped'; finish; }
	as='runuser -u postgres --'
	chown -R postgres "$tmp"
fi
trap '$as "$bin/pg_ctl" -D "$tmp/pg" -m immediate stop >/dev/null 2>&1; rm -rf "$tmp"' EXIT
# shellcheck disable=SC2086
{
	$as "$bin/initdb" -D "$tmp/pg" -A trust -E UTF8 --locale=C --no-sync >log 2>&1 &&
		$as "$bin/pg_ctl" -D "$tmp/pg" -w -l "$tmp/server.log" -o "-k '$tmp' -c listen_addresses='' -c fsync=off" start >>log 2>&1
} || { fail 'PostgreSQL does not start'; tail -n 3 log; finish; }
# shellcheck disable=SC2086
$as psql -h "$tmp" -d postgres -X -q -A -t -v ON_ERROR_STOP=1 -f postgresql.sql >have 2>err || fail "PostgreSQL: $(head -n 1 err)"
diff want have >diff || { fail 'PostgreSQL gives other rows'; head -n 5 diff; }
finish
