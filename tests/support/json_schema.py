# SPDX-License-Identifier: MIT
"""The part of JSON Schema (draft 7) that `tidemill schema` writes, to check that schema by.

Every keyword it does not know is an error, so that nothing passes by being ignored.
"""

import re

ANNOTATIONS = {"$schema", "title", "description", "default", "deprecated", "definitions"}
TYPES = {
    "null": lambda v: v is None,
    "boolean": lambda v: isinstance(v, bool),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "string": lambda v: isinstance(v, str),
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
}


def same(a, b):
    return a == b and isinstance(a, bool) == isinstance(b, bool)


class Validator:
    def __init__(self, root):
        self.root = root

    def problems(self, value, schema=None, path="$"):
        """A list of "path: what is wrong"; empty: it is valid."""
        schema = self.root if schema is None else schema
        if isinstance(schema, bool):
            return [] if schema else [f"{path}: nothing is allowed here"]
        if "$ref" in schema:
            return self.problems(value, self.definition(schema["$ref"]), path)
        found = []
        for keyword, rule in schema.items():
            if keyword in ANNOTATIONS or keyword in ("then", "else"):
                continue
            found += getattr(self, "check_" + keyword)(value, rule, schema, path)
        return found

    def definition(self, ref):
        assert ref.startswith("#/definitions/"), ref
        return self.root["definitions"][ref.removeprefix("#/definitions/")]

    def valid(self, value, schema):
        return not self.problems(value, schema)

    def check_type(self, value, rule, _schema, path):
        names = rule if isinstance(rule, list) else [rule]
        if any(TYPES[name](value) for name in names):
            return []
        return [f"{path}: expected {' or '.join(names)}, found {value!r}"]

    def check_const(self, value, rule, _schema, path):
        return [] if same(value, rule) else [f"{path}: expected {rule!r}, found {value!r}"]

    def check_enum(self, value, rule, _schema, path):
        if any(same(value, one) for one in rule):
            return []
        return [f"{path}: expected one of {rule}, found {value!r}"]

    def check_pattern(self, value, rule, _schema, path):
        if not isinstance(value, str) or re.search(rule, value):
            return []
        return [f"{path}: {value!r} does not match {rule}"]

    def check_minimum(self, value, rule, _schema, path):
        low = TYPES["number"](value) and value < rule
        return [f"{path}: {value} is below {rule}"] if low else []

    def check_maximum(self, value, rule, _schema, path):
        high = TYPES["number"](value) and value > rule
        return [f"{path}: {value} is above {rule}"] if high else []

    def check_anyOf(self, value, rule, _schema, path):
        reasons = [self.problems(value, one, path) for one in rule]
        if any(not reason for reason in reasons):
            return []
        return [f"{path}: fits none of " + "; ".join(reason[0] for reason in reasons)]

    def check_allOf(self, value, rule, _schema, path):
        return [problem for one in rule for problem in self.problems(value, one, path)]

    def check_if(self, value, rule, schema, path):
        branch = "then" if self.valid(value, rule) else "else"
        return self.problems(value, schema.get(branch, True), path)

    def check_items(self, value, rule, _schema, path):
        if not isinstance(value, list):
            return []
        return [problem for i, item in enumerate(value)
                for problem in self.problems(item, rule, f"{path}[{i}]")]

    def check_required(self, value, rule, _schema, path):
        if not isinstance(value, dict):
            return []
        return [f"{path}: needs {name!r}" for name in rule if name not in value]

    def check_minProperties(self, value, rule, _schema, path):
        few = isinstance(value, dict) and len(value) < rule
        return [f"{path}: has fewer than {rule} members"] if few else []

    def check_properties(self, value, rule, _schema, path):
        if not isinstance(value, dict):
            return []
        return [problem for name, one in rule.items() if name in value
                for problem in self.problems(value[name], one, f"{path}.{name}")]

    def check_patternProperties(self, value, rule, _schema, path):
        if not isinstance(value, dict):
            return []
        return [problem for regex, one in rule.items() for name in value if re.search(regex, name)
                for problem in self.problems(value[name], one, f"{path}.{name}")]

    def check_additionalProperties(self, value, rule, schema, path):
        if not isinstance(value, dict):
            return []
        others = [name for name in value if name not in schema.get("properties", {}) and
                  not any(re.search(regex, name) for regex in schema.get("patternProperties", {}))]
        return [problem for name in others
                for problem in self.problems(value[name], rule, f"{path}.{name}")]

    def check_propertyNames(self, value, rule, _schema, path):
        if not isinstance(value, dict):
            return []
        return [problem for name in value
                for problem in self.problems(name, rule, f"{path}.{name} (its name)")]
