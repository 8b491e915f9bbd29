"""Requests → plans → SQL; pure. What may be read is decided here, in one place."""

from engine.query.aggregates import groups_page, plan_aggregate
from engine.query.cursors import refuse_cursor
from engine.query.exports import plan_export
from engine.query.lists import list_page, plan_list, records_of
from engine.query.parameters import GetQuery, ListQuery, parse_get, parse_list
from engine.query.singles import plan_get, plan_reach, plan_reached

__all__ = [
    "GetQuery",
    "ListQuery",
    "groups_page",
    "list_page",
    "parse_get",
    "parse_list",
    "plan_aggregate",
    "plan_export",
    "plan_get",
    "plan_list",
    "plan_reach",
    "plan_reached",
    "records_of",
    "refuse_cursor",
]
