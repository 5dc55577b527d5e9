"""`nbflow block type …`: the kinds of blocks, and their fields."""

from __future__ import annotations

from typing import Any

from nbflow.cli import printing
from nbflow.cli.parsing import OUTPUT, argument, takes
from nbflow.connect import connect
from nbflow.model.pages import every

SLUG = argument("slug", metavar="TYPE", help="the type's slug")


@takes(OUTPUT)
def ls(*, output: str) -> None:
    """List block types."""
    found = tuple(every(connect().list_block_types))
    if output == "json":
        printing.as_json(found)
        return
    printing.columns(
        ("type", "name", "what it is"),
        ((one.slug, one.name, one.description.partition("\n")[0]) for one in found),
        none="There are no block types.",
    )


@takes(SLUG, OUTPUT)
def inspect(*, slug: str, output: str) -> None:
    """Show a type, its fields, and what its blocks can do."""
    backend = connect()
    found, schemas = backend.read_block_type(slug), backend.list_block_schemas(slug)
    if output == "json":
        printing.as_json({"type": found, "schemas": schemas})
        return
    printing.facts(
        [
            ("Type", f"{found.slug} ({found.name})"),
            ("What it is", found.description),
            ("Documentation", found.documentation_url),
            ("Example", found.code_example),
            ("Can", ", ".join(schemas[0].capabilities) if schemas else ""),
            ("Schemas", str(len(schemas))),
        ]
    )
    if schemas:
        properties = schemas[0].fields.get("properties", {})
        required, secret = schemas[0].fields.get("required", ()), schemas[0].fields["secret_fields"]
        printing.columns(
            ("field", "takes", "needed", "secret"),
            ((name, _takes(schema), "yes" if name in required else "",
              "yes" if any(path.split(".")[0] == name for path in secret) else "")
             for name, schema in properties.items()),
            none="It has no fields.",
        )  # fmt: skip


@takes(SLUG, OUTPUT)
def delete(*, slug: str, output: str) -> None:
    """Delete a type that has no blocks, with its schemas."""
    connect().delete_block_type(slug)
    if output == "json":
        printing.as_json({"deleted": slug})
        return
    print(f"{slug}: deleted.")


def _takes(schema: dict[str, Any]) -> str:
    """Give in a word what a field takes."""
    blocks = [one["slug"] for one in schema.get("block_types", ())]
    if blocks:
        return f"block {' or '.join(blocks)}"
    choices = [_takes(one) for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return " or ".join(choices) if choices else str(schema.get("type", "any"))
