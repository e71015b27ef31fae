#!/usr/bin/env python3
"""Our documents are what OpenAPI 3.1 asks for, and the judge finds each kind of mistake."""

import copy
import json
import pathlib
import unittest

from openapi_form import problems_of

DOCUMENTS = pathlib.Path(__file__).parents[2] / "docs" / "api"


class FormTest(unittest.TestCase):
    def setUp(self):
        self.document = json.loads((DOCUMENTS / "openapi.json").read_text(encoding="utf-8"))

    def assert_found(self, change, words):
        broken = copy.deepcopy(self.document)
        change(broken)
        self.assertIn(words, "\n".join(problems_of(broken)))

    def genres(self, document):
        return document["paths"]["/v1/genres"]["get"]

    def test_ours_have_no_mistakes(self):
        files = sorted(DOCUMENTS.glob("*.json"))
        self.assertEqual(len(files), 2)
        for file in files:
            self.assertEqual(problems_of(json.loads(file.read_text(encoding="utf-8"))), [], file)

    def test_another_version(self):
        self.assert_found(lambda d: d.update(openapi="3.0.3"), "does not match")

    def test_a_status_that_is_none(self):
        self.assert_found(
            lambda d: self.genres(d)["responses"].update({"20": {"description": "x"}}), "does not match"
        )

    def test_an_answer_without_a_description(self):
        self.assert_found(
            lambda d: self.genres(d)["responses"]["401"].pop("description"), "required property"
        )

    def test_a_member_that_is_not_known(self):
        self.assert_found(lambda d: self.genres(d).update(sumary="x"), "sumary")

    def test_a_reference_to_nothing(self):
        self.assert_found(
            lambda d: d["components"]["schemas"]["History"]["properties"]["items"]["items"].update(
                {"$ref": "#/components/schemas/Nope"}
            ),
            "leads nowhere",
        )

    def test_a_schema_that_is_none(self):
        self.assert_found(
            lambda d: d["components"]["schemas"]["History"].update(type="objekt"), "schema History"
        )

    def test_a_schema_that_nothing_uses(self):
        self.assert_found(
            lambda d: d["components"]["schemas"].update(Left={"type": "string"}), "used by nothing"
        )

    def test_a_part_of_a_path_that_is_no_parameter(self):
        self.assert_found(
            lambda d: d["paths"]["/v1/films/{film}"]["get"].pop("parameters"), "the parameters []"
        )

    def test_two_operations_of_one_name(self):
        self.assert_found(lambda d: self.genres(d).update(operationId="logIn"), "operationId logIn")

    def test_a_security_scheme_that_is_not_there(self):
        self.assert_found(lambda d: self.genres(d).update(security=[{"key": []}]), "no security scheme")


if __name__ == "__main__":
    unittest.main()
