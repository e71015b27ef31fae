#!/usr/bin/env python3
"""Checks answers of the REST API against its document.

    openapi_check.py DOCUMENT EXCHANGES [--unseen STATUS]...

EXCHANGES holds one JSON object per line: method, path (a template of the document), status,
content_type, body (text), and request (the body sent, or null). Fails when an answer is not what the
document says, when it has a field that the document does not name, or when an operation, or one of its
answers, was never seen; of answers with a STATUS it is enough that the document names them.
"""

import argparse
import json
import sys

import jsonschema

# Answers that every operation gives for one reason: seen on one of them.
SEEN_ON_ONE = {"429"}


def strict(schema):
    """The schema, refusing fields that it does not name."""
    if isinstance(schema, list):
        return [strict(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    if "properties" in made and made.get("type") == "object":
        made.setdefault("additionalProperties", False)
    return made


class Document:
    def __init__(self, document):
        self.document = strict(document)
        self.document["paths"] = document["paths"]  # not schemas
        self.operations = {
            (method.upper(), path): operation
            for path, item in document["paths"].items()
            for method, operation in item.items()
        }

    def problem_with(self, schema, value):
        resolver = jsonschema.RefResolver.from_schema(self.document)
        validator = jsonschema.Draft202012Validator(strict(schema), resolver=resolver)
        return next((e.message for e in validator.iter_errors(value)), None)

    def check(self, exchange):
        """What is wrong with the exchange, or None."""
        operation = self.operations.get((exchange["method"], exchange["path"]))
        if operation is None:
            return "the operation is not in the document"
        sent = operation.get("requestBody")
        if sent and "application/json" in sent["content"] and exchange["status"] < 300:
            schema = sent["content"]["application/json"]["schema"]
            if problem := self.problem_with(schema, json.loads(exchange["request"])):
                return f"an accepted request is not of the document: {problem}"
        answer = operation["responses"].get(str(exchange["status"]))
        if answer is None:
            return f"status {exchange['status']} is not in the document"
        content = answer.get("content")
        if content is None:
            return None if exchange["body"] == "" else "a body that the document does not know"
        media = content.get(exchange["content_type"].split(";")[0])
        if media is None:
            return f"content type {exchange['content_type']} is not in the document"
        is_json = exchange["content_type"].split(";")[0].endswith("json")
        value = json.loads(exchange["body"]) if is_json else exchange["body"]
        return self.problem_with(media["schema"], value)


def main(document_file, exchanges_file, unseen_allowed):
    with open(document_file, encoding="utf-8") as file:
        document = Document(json.load(file))
    with open(exchanges_file, encoding="utf-8") as file:
        exchanges = [json.loads(line) for line in file]
    failures = []
    for exchange in exchanges:
        if problem := document.check(exchange):
            failures.append(f"{exchange['method']} {exchange['path']} {exchange['status']}: {problem}")
    seen = {(e["method"], e["path"], str(e["status"])) for e in exchanges}
    for (method, path), operation in document.operations.items():
        for status in operation["responses"]:
            seen_here = (method, path, status) in seen
            seen_anywhere = status in SEEN_ON_ONE and any(s == status for _, _, s in seen)
            if not (seen_here or seen_anywhere or status in unseen_allowed):
                failures.append(f"{method} {path}: {status} was never seen")
    print("\n".join(failures) or f"{len(exchanges)} exchanges, {len(document.operations)} operations")
    return 1 if failures or not exchanges else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("document")
    parser.add_argument("exchanges")
    parser.add_argument("--unseen", action="append", default=[])
    options = parser.parse_args()
    sys.exit(main(options.document, options.exchanges, options.unseen))
