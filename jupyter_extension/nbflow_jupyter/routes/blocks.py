"""The routes of blocks and their types."""

from __future__ import annotations

from http import HTTPStatus

from nbflow.model.blocks import (
    BlockChange,
    BlockDocument,
    BlockSchema,
    BlockType,
    BlockTypeChange,
    NewBlock,
    NewBlockSchema,
    NewBlockType,
    OpenedBlock,
    OpenRequest,
)
from nbflow.model.pages import Page
from nbflow_jupyter import queries
from nbflow_jupyter.handlers import blocks
from nbflow_jupyter.operation import Operation, route

_READ, _WRITE = "nbflow:blocks read", "nbflow:blocks write"

ROUTES = (
    route(
        "block-types",
        blocks.BlockTypes,
        get=Operation(_READ, Page[BlockType], query=queries.PageQuery),
        post=Operation(_WRITE, BlockType, NewBlockType, status=HTTPStatus.CREATED, once=True),
    ),
    route(
        "block-types/{slug}",
        blocks.BlockType,
        get=Operation(_READ, BlockType),
        patch=Operation(_WRITE, BlockType, BlockTypeChange),
        delete=Operation(_WRITE, status=HTTPStatus.NO_CONTENT),
    ),
    route(
        "block-types/{slug}/schemas",
        blocks.BlockSchemas,
        get=Operation(_READ, tuple[BlockSchema, ...]),
        post=Operation(_WRITE, BlockSchema, NewBlockSchema, status=HTTPStatus.CREATED),
    ),
    route(
        "blocks",
        blocks.Blocks,
        get=Operation(_READ, Page[BlockDocument], query=queries.BlockQuery),
        post=Operation(_WRITE, BlockDocument, NewBlock, status=HTTPStatus.CREATED, once=True),
    ),
    route(
        "blocks/{block}",
        blocks.Block,
        get=Operation(_READ, BlockDocument),
        patch=Operation(_WRITE, BlockDocument, BlockChange),
        delete=Operation(_WRITE, status=HTTPStatus.NO_CONTENT),
    ),
    route(
        "blocks/{block}/open",
        blocks.Open,
        post=Operation("nbflow:secrets execute", OpenedBlock, OpenRequest),
    ),
)
