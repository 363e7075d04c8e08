#!/usr/bin/env python3
"""schemas.py ROOT: every expected JSON and NDJSON document is valid against the schema that it names."""
import glob
import json
import os
import sys

import jsonschema

root = sys.argv[1]
schemas = {}
for path in glob.glob(os.path.join(root, 'schema', '*.schema.json')):
    doc = json.load(open(path))
    jsonschema.Draft7Validator.check_schema(doc)
    schemas[doc['properties']['schema']['const']] = jsonschema.Draft7Validator(doc)

documents = []
for path in sorted(glob.glob(os.path.join(root, 'fixtures', '*.json'))):
    documents.append((path, json.load(open(path))))
for path in sorted(glob.glob(os.path.join(root, 'tests', 'golden', '*ndjson*.txt'))):
    for i, line in enumerate(open(path)):
        if line.startswith('---'):
            break
        documents.append(('%s:%d' % (path, i + 1), json.loads(line)))

bad = 0
for where, doc in documents:
    for e in schemas[doc['schema']].iter_errors(doc):
        bad += 1
        print('%s: %s: %s' % (where, '/'.join(map(str, e.path)), e.message))
if not documents or not schemas:
    sys.exit('nothing to validate')
for path in glob.glob(os.path.join(root, 'fixtures', '*.dmp.gz')):
    if os.path.getsize(path) > 300 * 1000:
        bad += 1
        print('%s: larger than 300 KB' % path)
print('%d documents, %d errors' % (len(documents), bad))
sys.exit(1 if bad else 0)
