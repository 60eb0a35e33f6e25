"""The JSON Schema of profiles as people write them, for editors that complete and check YAML."""

from typing import Any

from precompute.profile.model import Profile


def profile_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a profile's file: the models, and what is replaced while a file is loaded."""
    schema = Profile.model_json_schema()
    zipf = schema["$defs"]["Choices"]["properties"]["zipf"]
    kept_elsewhere = {
        "File": _values_of("file", "a UTF-8 file beside the profile, one value a line", zipf),
        "List": _values_of("list", "a list that comes with the tool", zipf),
    }
    schema["$defs"] |= kept_elsewhere
    references = [{"$ref": f"#/$defs/{name}"} for name in kept_elsewhere]
    for holder in (schema["properties"]["fields"], schema["$defs"]["Columns"]["properties"]["columns"]):
        kinds = holder["additionalProperties"]
        kinds["anyOf"] = [*kinds.pop("oneOf"), *references]
    schema["properties"]["include"] = {
        "type": "object",
        "additionalProperties": {"type": "number", "exclusiveMinimum": 0},
        "minProperties": 1,
        "description": "Profiles, built in or beside this one, and their weights.",
    }
    schema["required"] = ["name"]
    schema["anyOf"] = [{"required": ["groups"]}, {"required": ["include"]}]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema | {"title": "Stampede profile"}


def _values_of(key: str, what: str, zipf: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": f"The values are the lines of {what}.",
        "properties": {key: {"type": "string"}, "zipf": zipf},
        "required": [key],
        "additionalProperties": False,
    }
