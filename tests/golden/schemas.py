#!/usr/bin/env python3
"""schemas.py ROOT [POOLSCOPE]: every expected JSON and NDJSON document is valid against the schema that it names, and
the columns that the program has are those of the schemas.

A command prints its rows from one table of columns (cli/rows.h). The header of its CSV is that table; the schema's row,
with the members of nested objects behind an underscore, must have the same names, no more and no less.
"""
import csv
import glob
import io
import json
import os
import subprocess
import sys

import jsonschema

root = sys.argv[1]
bad = 0


def complain(text):
    global bad
    bad += 1
    print(text)


schemas, by_id = {}, {}
for path in sorted(glob.glob(os.path.join(root, 'schema', '*.schema.json'))):
    doc = json.load(open(path))
    jsonschema.validators.validator_for(doc).check_schema(doc)
    by_id[doc['$id']] = doc
for doc in by_id.values():
    if 'properties' not in doc:
        continue  # what the others share
    resolver = jsonschema.RefResolver(doc['$id'], doc, store=by_id)
    schemas[doc['properties']['schema']['const']] = jsonschema.validators.validator_for(doc)(doc, resolver=resolver)

documents = []
for path in sorted(glob.glob(os.path.join(root, 'fixtures', '*.json'))):
    documents.append((path, json.load(open(path))))
for path in sorted(glob.glob(os.path.join(root, 'tests', 'golden', '*ndjson*.txt'))):
    for i, line in enumerate(open(path)):
        if line.startswith('---'):
            break
        documents.append(('%s:%d' % (path, i + 1), json.loads(line)))

used = set()
for where, doc in documents:
    used.add(doc['schema'])
    for e in schemas[doc['schema']].iter_errors(doc):
        # Of the forms that a document may have, the one that comes nearest says most.
        e = jsonschema.exceptions.best_match([e]) or e
        complain('%s: %s: %s' % (where, '/'.join(map(str, e.path)), e.message[:300]))
for name in sorted(set(schemas) - used):
    complain('%s: no golden document is held against this schema' % name)
for path in glob.glob(os.path.join(root, 'fixtures', '*.dmp.gz')):
    if os.path.getsize(path) > 300 * 1000:
        complain('%s: larger than 300 KB' % path)


# ---- columns ----

def resolve(doc, node):
    """The object that a property may be, through references and 'or null'."""
    while '$ref' in node:
        base, _, pointer = node['$ref'].partition('#')
        doc = by_id[base] if base else doc
        node = doc
        for part in pointer.strip('/').split('/'):
            node = node[part]
    for alternative in node.get('oneOf', []):
        if alternative != {'type': 'null'}:
            return resolve(doc, alternative)
    return doc, node


def columns_of(doc, row, header, prefix=''):
    """(name, is it always there) of each column."""
    doc, row = resolve(doc, row)
    for key, value in row['properties'].items():
        inner_doc, inner = resolve(doc, value)
        name, always = prefix + key, key in row.get('required', [])
        # An object that is a column of its own is one cell in CSV.
        if 'properties' in inner and name not in header:
            yield from ((n, a and always) for n, a in columns_of(inner_doc, inner, header, name + '_'))
        else:
            yield name, always


# Options that add columns. All other commands are run without any.
CASES = {
    'tags': [[], ['--by', 'tag,size']],
    'blocks': [['-n', '1'], ['-n', '1', '--dump-bytes', '1'], ['-n', '1', '--callers']],
    'tag_callers': [['--by', 'tag,caller'], ['--by', 'module']],
    'owner': [['NtFC']],
    'diff': [[], ['--by', 'process'], ['--by', 'tag,size'], ['--by', 'tag,caller']],
}
COMMANDS = {'tag_callers': 'tags'}  # schemas that are not called like their command
if len(sys.argv) > 2:
    fixtures = sorted(glob.glob(os.path.join(root, 'fixtures', '*.dmp.gz')))
    env = {k: v for k, v in os.environ.items() if 'SYMBOL_PATH' not in k}
    env['XDG_DATA_HOME'] = '/nowhere'
    n_commands = 0
    for name, validator in sorted(schemas.items()):
        doc = validator.schema
        row = doc.get('$defs', doc.get('definitions', {})).get('row')
        command = name.split('.')[1].split('/')[0]
        if row is None or command == 'block':  # one block is no table
            continue
        header = set()
        for options in CASES.get(command, [[]]):
            files = fixtures[:1] * (2 if command == 'diff' else 1)
            p = subprocess.run([os.path.abspath(sys.argv[2]), COMMANDS.get(command, command), '-q', '--format', 'csv'] + options + files,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
            if p.returncode != 0 and b'built without' in p.stderr:
                break
            if p.returncode not in (0, 1):
                complain('%s: %s' % (command, p.stderr.decode()))
                break
            header |= set(next(csv.reader(io.StringIO(p.stdout.decode()))))
        else:
            n_commands += 1
            columns = dict(columns_of(doc, row, header))
            for c in sorted(set(columns) - header):
                complain('%s: the schema has "%s", which is no column' % (command, c))
            for c in sorted(header - set(columns)):
                complain('%s: column "%s" is not in the schema' % (command, c))
    if n_commands < 6:
        complain('only %d commands were compared' % n_commands)
    print('columns of %d commands compared' % n_commands)

if not documents or not schemas:
    sys.exit('nothing to validate')
print('%d documents, %d errors' % (len(documents), bad))
sys.exit(1 if bad else 0)
