"""How are our promises told? As AsyncAPI and as JSON Schema, both written from the structs.

``docs/asyncapi.yaml`` (AsyncAPI 3.0: topics, directions, headers) and ``docs/schemas/`` (JSON
Schema 2020-12) are written by ``python -m streams.contracts --write``, and by nobody else. A new
event or a new agent is promised as soon as it is there, and never otherwise than it works.
"""

import argparse
import json
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from msgspec import Struct

from schemas.dead_letter import Reason, Refusal, WebhookReason
from schemas.event import snake_case
from streams.json_schema import Schema, components, told
from streams.promised import Contract, DeadLetterHeaders, contracts

ROOT = Path(__file__).resolve().parents[1]
ASYNCAPI = Path("docs/asyncapi.yaml")
SCHEMAS = Path("docs/schemas")
WRITE = "python -m streams.contracts --write"


def schema_files() -> dict[Path, Schema]:
    """The JSON Schemas: one for each topic's values, one for each struct of headers."""
    promised = contracts()
    files = {it.topic: (it.description, [*it.values.values()]) for it in promised if it.values}
    for headers in dict.fromkeys(it.headers for it in promised if it.headers):
        name = snake_case(headers.__name__).replace("_", "-")
        files[name] = (told(headers)[0], [headers])
    return {
        SCHEMAS / f"{name}.json": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": name,
            "description": description,
            "oneOf": [{"$ref": f"#/$defs/{kind.__name__}"} for kind in kinds],
            "$defs": components(kinds, "#/$defs/{name}"),
        }
        for name, (description, kinds) in files.items()
    }


def asyncapi() -> Schema:
    """The AsyncAPI document. Its actions are Ebbtide's: it receives events and sends triggers."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    channels: Schema = {}
    operations: Schema = {}
    all_messages: Schema = {}
    kinds: list[type[Struct]] = []
    for contract in contracts():
        kinds += [*contract.values.values(), *([contract.headers] if contract.headers else [])]
        named = {name: _message(contract, name, kind) for name, kind in contract.values.items()}
        named = named or {"dead-letter": _dead_letter()}
        all_messages |= named
        channels[contract.topic] = {
            "address": contract.topic,
            "description": contract.description,
            "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in named},
        }
        action = "receive" if contract.headers is None else "send"
        operations[f"{action}-{contract.topic}"] = {
            "action": action,
            "channel": {"$ref": f"#/channels/{contract.topic}"},
            "messages": [{"$ref": f"#/channels/{contract.topic}/messages/{it}"} for it in named],
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Ebbtide",
            "version": project["version"],
            "description": f"{project['description']}\n\nThe actions are Ebbtide's own: what it"
            " receives, storefronts publish; what it sends, marketing automation consumes.",
            "license": {"name": project["license"]},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": all_messages,
            "schemas": components(kinds, "#/components/schemas/{name}"),
        },
    }


def rendered() -> dict[Path, str]:
    """Every file of the contracts, by its path under the root of the repository."""
    files = {
        path: json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for path, schema in schema_files().items()
    }
    head = f"# Written by `{WRITE}`; what is edited here is lost.\n"
    return files | {ASYNCAPI: head + _yaml(asyncapi())}


def stale(root: Path = ROOT) -> list[Path]:
    """The files that are not what the structs say, or that no struct asks for any more."""
    wanted = rendered()
    there = {it.relative_to(root) for it in (root / SCHEMAS).glob("*.json")}
    outdated = {
        path for path, text in wanted.items()
        if not (root / path).is_file() or (root / path).read_text("utf-8") != text
    }  # fmt: skip
    return sorted(outdated | (there - wanted.keys()))


def write(root: Path = ROOT) -> None:
    """Write the files, and remove those that no struct asks for any more."""
    wanted = rendered()
    (root / SCHEMAS).mkdir(parents=True, exist_ok=True)
    for path in (root / SCHEMAS).glob("*.json"):
        if path.relative_to(root) not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (root / name).write_text(text, "utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the contracts, or say which are not current (exit code 1)."""
    parser = argparse.ArgumentParser(prog="python -m streams.contracts")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help="write the files")
    what.add_argument("--check", action="store_true", help="are the files current? 1 if not")
    if parser.parse_args(arguments).write:
        write()
        return 0
    outdated = stale()
    for path in outdated:
        sys.stderr.write(f"{path} is not what the structs say: run `{WRITE}`\n")
    return 1 if outdated else 0


def _yaml(document: Schema) -> str:
    # Only who works on Ebbtide writes these files, and only they need to have PyYAML.
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def represent(dumper: Dumper, text: str) -> Any:
        style = ">" if "\n" in text else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent)
    return yaml.dump(document, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)


def _message(contract: Contract, name: str, kind: type[Struct]) -> Schema:
    message = {
        "name": name,
        "title": kind.__name__,
        "summary": told(kind)[0].partition("\n")[0],
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
    }
    if contract.headers is not None:
        headers = {"$ref": f"#/components/schemas/{contract.headers.__name__}"}
        of_its_type = {"properties": {"ce_type": {"const": contract.ce_type}}}
        key = {"type": "string", "description": contract.key}
        message["headers"] = {"type": "object", "allOf": [headers, of_its_type]}
        message["bindings"] = {"kafka": {"key": key}}
    return message


def _dead_letter() -> Schema:
    hints = "\n".join(
        f"- `{it}`: {Refusal(it, '').hint}" for it in (*get_args(Reason), *get_args(WebhookReason))
    )
    return {
        "name": "dead-letter",
        "title": "Dead letter",
        "summary": "The original bytes under the original key.",
        "description": f"The reasons, and what to do:\n\n{hints}",
        "contentType": "application/octet-stream",
        "headers": {"$ref": f"#/components/schemas/{DeadLetterHeaders.__name__}"},
    }


if __name__ == "__main__":
    sys.exit(main())
