#!/usr/bin/env python3
"""Whether a file is an OpenAPI 3.1 document that tools can read.

    openapi_form.py DOCUMENT...

Debian 12 has no validator of OpenAPI 3.1 (decision 0026), so: the document against openapi_form.json, each
schema in it against the JSON Schema 2020-12 meta-schema, which is what OpenAPI 3.1 says of schemas, and
what neither can say: references lead somewhere, operations differ by their names, and the parts of a path
are its parameters.
"""

import json
import pathlib
import re
import sys

import jsonschema

FORM = pathlib.Path(__file__).with_name("openapi_form.json")


def find(document, reference):
    """What "#/a/b" names, or None."""
    value = document
    for step in reference.removeprefix("#/").split("/"):
        step = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(value, dict) or step not in value:
            return None
        value = value[step]
    return value


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def schemas(document):
    """Every schema, with where it stands."""
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        yield f"schema {name}", schema

    def inside(where, value):
        if not isinstance(value, dict):
            return
        for key, inner in value.items():
            if key == "schema":
                yield where, inner
            elif isinstance(inner, dict):
                yield from inside(f"{where} {key}", inner)
            elif isinstance(inner, list):
                for item in inner:
                    yield from inside(f"{where} {key}", item)

    yield from inside("paths", document.get("paths", {}))


def operation_problems(document):
    seen = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            where = f"{method.upper()} {path}"
            name = operation["operationId"]
            if name in seen:
                yield f"{where}: operationId {name} is that of {seen[name]} too"
            seen[name] = where
            parameters = [
                find(document, p["$ref"]) if "$ref" in p else p for p in operation.get("parameters", [])
            ]
            named = [(p["in"], p["name"]) for p in parameters if p]
            if len(named) != len(set(named)):
                yield f"{where}: a parameter stands there twice"
            of_path = {name for place, name in named if place == "path"}
            wanted = set(re.findall(r"{([^}]*)}", path))
            if of_path != wanted:
                yield f"{where}: the path has {sorted(wanted)}, the parameters {sorted(of_path)}"
            for requirement in operation.get("security", document.get("security", [])):
                for scheme in requirement:
                    if scheme not in document.get("components", {}).get("securitySchemes", {}):
                        yield f"{where}: no security scheme {scheme}"


def problems_of(document):
    """What is wrong with the document, a line each."""
    form = jsonschema.Draft202012Validator(json.loads(FORM.read_text(encoding="utf-8")))
    problems = [
        f"{'/'.join(str(step) for step in error.absolute_path)}: {error.message}"
        for error in form.iter_errors(document)
    ]
    if problems:
        return problems  # the rest relies on the form
    for where, schema in schemas(document):
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            problems.append(f"{where}: {error.message}")
    problems += [
        f"{reference} leads nowhere"
        for reference in sorted(set(references(document)))
        if not reference.startswith("#/") or find(document, reference) is None
    ]
    used = set(references(document))
    problems += [
        f"schema {name} is used by nothing"
        for name in document.get("components", {}).get("schemas", {})
        if f"#/components/schemas/{name}" not in used
    ]
    return problems + list(operation_problems(document))


def main(files):
    failed = not files
    for name in files:
        with open(name, encoding="utf-8") as file:
            problems = problems_of(json.load(file))
        for problem in problems:
            print(f"{name}: {problem}")
        failed = failed or bool(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
