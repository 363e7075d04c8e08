"""What was damaged, as the truth has it, and what `validate` says, in one form: (address or None, check, figures or None)."""

# The lab's words for what it did to segment heaps, and the analyser's for what it sees.
SEEN_AS = {'vs chunk overrun': 'VS chunk header', 'vs chunk of size 0': 'VS chunk header',
           'pool header': 'header size against chunk size', 'lfh header': 'LFH geometry'}


def figures(row, expected, found):
    return (row['tag_hex'], row['pool'], int(row[expected], 16), int(row[found], 16))


def by_place(x):
    return (x[0] or '', x[1], x[2] or ())


def planted(truth):
    want = [(d['va'], SEEN_AS.get(d['what'], d['what']), None) for d in truth['damage']]
    want += [(None, d['what'], figures(d, 'expected', 'found')) for d in truth['miscounts']]
    return sorted(want, key=by_place)


def found(doc):
    return sorted(((r['va'], r['check'], figures(r, 'expected_hex', 'found_hex') if r['va'] is None else None)
                   for r in doc['rows']), key=by_place)


def difference(want, have):
    return 'not found: %s\nnot expected: %s' % ([x for x in want if x not in have], [x for x in have if x not in want])


def kinds(truth):
    """The checks that have something to find; of a session's own tables with a mark."""
    have = {SEEN_AS.get(d['what'], d['what']) + (' (session)' if d.get('in_session') else '') for d in truth['damage']}
    return sorted(have | {d['what'] for d in truth['miscounts']})
