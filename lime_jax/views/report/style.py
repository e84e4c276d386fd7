"""The look of the reports: two palettes, one style sheet, scoped for notebooks."""

from __future__ import annotations

import re

LIGHT = {
    "page": "#f4f5f6",
    "card": "#ffffff",
    "ink": "#1d2126",
    "quiet": "#59616b",
    "line": "#e4e7ea",
    "positive": "#1668a8",
    "negative": "#b84e0f",
    "neutral": "#6b7c8f",
    "whisker": "#1d2126",
    "note": "#fdf4e3",
}
DARK = {
    "page": "#101317",
    "card": "#181c21",
    "ink": "#e9ecef",
    "quiet": "#a3acb6",
    "line": "#2c323a",
    "positive": "#4c9bdd",
    "negative": "#e0813f",
    "neutral": "#8798aa",
    "whisker": "#ffffff",
    "note": "#2e2716",
}

_RULES = """
& { box-sizing: border-box; max-width: 58rem; padding: 2rem 2.25rem 1.5rem; border-radius: 12px;
  border: 1px solid var(--line); background: var(--card); color: var(--ink); text-align: left;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
& * { box-sizing: border-box; }
& h1, & h2, & h3, & h4 { margin: 0; color: var(--ink); line-height: 1.25; letter-spacing: -.01em; }
& h1 { font-size: 1.6rem; font-weight: 650; }
& h2, & h3, & h4 { font-size: 1.05rem; font-weight: 650; margin: 1.9rem 0 .5rem; }
& header h2 { font-size: 1.35rem; margin: 0; } 
& summary h3 { display: inline; margin: 0; font-size: 1rem; }
& p { margin: .6rem 0 0; max-width: 42rem; color: var(--ink); }
& .q { color: var(--quiet); }
& .k { font-size: .72rem; font-weight: 600; letter-spacing: .07em; text-transform: uppercase;
  color: var(--quiet); margin: 0 0 .3rem; }
& .note { background: var(--note); border-radius: 8px; padding: .55rem .8rem; margin: .9rem 0 0;
  max-width: none; }
& dl { display: flex; flex-wrap: wrap; gap: .8rem 2.2rem; margin: 1.3rem 0 0; padding: 0; }
& dl div { margin: 0; }
& dt { font-size: .8rem; font-weight: 400; color: var(--quiet); margin: 0; float: none; }
& dd { font-size: 1.15rem; font-weight: 600; margin: 0; color: var(--ink); }
& table.t { width: 100%; border-collapse: collapse; margin: .4rem 0 0; border: 0;
  font-size: .9rem; color: var(--ink); table-layout: fixed; }
& table.t caption { text-align: left; color: var(--quiet); font-size: .85rem; padding: 0 0 .6rem;
  caption-side: top; }
& table.t tr:nth-child(n):nth-child(n) { background: none; border: 0; }
& table.t th, & table.t td { padding: .28rem 0 .28rem .9rem; border: 0; line-height: 1.35;
  border-bottom: 1px solid var(--line); text-align: left; vertical-align: middle;
  font-weight: 400; white-space: normal; max-width: none; }
& table.t th:first-child { padding-left: 0; }
& table.t thead th { color: var(--quiet); font-size: .78rem; vertical-align: bottom; }
& table.t .r { text-align: right; overflow-wrap: normal; } & table.t td.r { white-space: nowrap; }
& table.t td.b { padding-top: 0; padding-bottom: 0; }
& table.t td.q { color: var(--quiet); }
& header + table.t { margin-top: 1.1rem; }
& .x { width: 34%; } & .v { width: 13%; } & .m { width: 11%; } & .s { width: 11%; }
& table.c { max-width: 34rem; } & table.c .x { width: 36%; } & table.c .m { width: 16%; }
& svg { display: block; width: 100%; height: 1.9rem; overflow: visible; }
& path { vector-effect: non-scaling-stroke; fill: none; }
& .p { fill: var(--positive); } & .n { fill: var(--negative); } & .u { fill: var(--neutral); }
& .g { stroke: var(--line); } & .z { stroke: var(--quiet); }
& .e { stroke: var(--whisker); stroke-width: 1.4px; }
& .a { position: relative; display: block; height: 1.25em; }
& .a span { position: absolute; transform: translateX(-50%); white-space: nowrap; }
& .i::before { content: ""; display: inline-block; width: .7em; height: .7em; border-radius: 2px;
  margin-right: .35em; background: var(--positive); }
& .i.o::before { background: var(--negative); }
& .f { display: grid; grid-template-columns: 2fr 1fr; gap: 1.1rem; margin: 1.3rem 0 0;
  align-items: start; }
& .f > :first-child { grid-row: span 2; }
& figure { margin: 0; padding: 0; } & figcaption { font-size: .8rem; color: var(--quiet);
  margin: .45rem 0 0; }
& .y { position: relative; } & .y img { display: block; width: 100%; height: auto; margin: 0; }
& .y img.w { image-rendering: pixelated; }
& .y svg { position: absolute; inset: 0; height: 100%; }
& .y span { position: absolute; transform: translate(-50%, -50%); background: var(--card);
  color: var(--ink); border-radius: 4px; padding: 0 .3em; font-size: .68rem; line-height: 1.4; }
& .j { stroke: #ffffff; stroke-width: 4px; } & .jp { stroke: var(--positive); stroke-width: 2px; }
& .jn { stroke: var(--negative); stroke-width: 2px; } & .d { margin: 1.3rem 0 0; }
& .tx { margin: 1.3rem 0 0; } & .tx p { max-width: none; max-height: 32rem; overflow: auto;
  white-space: pre-wrap; line-height: 1.75; border: 1px solid var(--line); border-radius: 8px;
  padding: .7rem .9rem; }
& mark { color: inherit; background: none; border-radius: 3px; padding: .1em 0;
  -webkit-box-decoration-break: clone; box-decoration-break: clone; }
& mark.p, & mark.n { fill: none; text-decoration: underline 2px; text-underline-offset: .2em;
  background: color-mix(in srgb, var(--tint) calc(.45 * var(--s)), transparent); }
& mark.p { --tint: var(--positive); text-decoration-color: var(--positive); }
& mark.n { --tint: var(--negative); text-decoration: underline dashed 2px var(--negative); }
& mark.k0 { text-decoration: none; }
& .st figure { margin: 1.3rem 0 0; max-width: 46rem; }
& .se { margin: 1.3rem 0 0; } & .se svg { height: 5.5rem; margin: .1rem 0 .5rem;
  border: 1px solid var(--line); overflow: hidden; }
& .se .ln { stroke: var(--ink); stroke-width: 1.4px; }
& .se .k0 { stroke: var(--whisker); stroke-dasharray: 3 3; vector-effect: non-scaling-stroke; }
& .se .q { font-size: .8rem; }
& details { border-top: 1px solid var(--line); }
& summary { cursor: pointer; padding: .7rem 0; color: var(--ink); }
& summary:focus-visible { outline: 2px solid var(--positive); outline-offset: 2px; }
& details > div { padding: 0 0 1.5rem; }
& footer { margin: 1.4rem 0 0; font-size: .78rem; color: var(--quiet); }
@media (max-width: 40rem) {
& { padding: 1.1rem 1rem; font-size: 14px; }
& table.w tr { display: grid; grid-template-columns: 1fr 5.6em 5.8em; align-items: center; }
& table.t.w tr > * { width: auto; border: 0; padding: .3rem 0 0; }
& table.w tr > :first-child { grid-column: 1 / 3; }
& table.w tr > :first-child:not(:has(+ .v)) { grid-column: 1 / -1; }
& table.w tr > .b { grid-column: 1; }
& table.w tr > .v { text-align: right; } & table.w tr > .m:last-child { grid-column: 2 / 4; }
& table.t.w tr:nth-child(n):nth-child(n) { border-bottom: 1px solid var(--line); }
& .f { grid-template-columns: 1fr; }
& table.c .x { width: 40%; } & table.c .m { width: 20%; } & .a .h { display: none; }
}
@media print {
& { border: 0; padding: 0; max-width: none; print-color-adjust: exact;
  -webkit-print-color-adjust: exact; }
& tr, & dl, & .note { break-inside: avoid; } & thead { display: table-header-group; }
}
@media print { & details::details-content { content-visibility: visible; block-size: auto; } }
"""

_SCOPE = ".lime-jax"


def scoped_style() -> str:
    """The style sheet of a `<div class="lime-jax">`, which touches nothing outside it.

    It follows the reader's system, and in JupyterLab and VS Code the notebook's theme; paper is
    light.
    """
    light, dark = _variables(LIGHT), _variables(DARK)
    palettes = (
        f"& {{{light};color-scheme:light dark}}"
        f"@media screen and (prefers-color-scheme:dark){{& {{{dark}}}}}"
        f"@media screen{{[data-jp-theme-light=true] &,.vscode-light & {{{light}}}"
        f"[data-jp-theme-light=false] &,.vscode-dark & {{{dark}}}}}"
    )
    compact = re.sub(r"\s*([{};,>])\s*", r"\1", re.sub(r":\s+", ":", palettes + _RULES))
    return compact.replace("&", _SCOPE).strip()


def page_style() -> str:
    """The style of a page of its own, around the scoped one."""
    return (
        f"body{{margin:0;padding:2.5rem 1rem;background:{LIGHT['page']}}}"
        f"{_SCOPE}{{margin:0 auto}}"
        f"@media screen and (prefers-color-scheme:dark){{body{{background:{DARK['page']}}}}}"
        "@media (max-width:40rem){body{padding:.5rem}}"
        "@media print{body{padding:0;background:none}}"
    )


def _variables(palette: dict[str, str]) -> str:
    return ";".join(f"--{name}:{color}" for name, color in palette.items())
