"""Sphinx: pages in Markdown, the reference from docstrings. `make docs` builds them, and a warning is an error."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent / "python")]

project = "isocord"
author = "the isocord contributors"
copyright = author
extensions = [
    "myst_parser",
    "native_stub",  # before anything imports isocord
    "repository_links",
    "docstring_code",  # before napoleon, which would read its blocks as text
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "_ext"]
nitpicky = True
smartquotes_action = "D"  # quotes stay as code has them

html_theme = "furo"
html_title = "isocord"
html_static_path = ["_static"]
html_css_files = ["isocord.css"]
html_theme_options = {
    "source_repository": "https://github.com/isocord/isocord/",
    "source_branch": "main",
    "source_directory": "docs/",
}
copybutton_exclude = ".linenos, .gp, .go"

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

autodoc_typehints = "signature"
autodoc_member_order = "groupwise"
autodoc_default_options = {"members": True}
autodoc_mock_imports = ["hikari"]
python_display_short_literal_types = True
python_maximum_signature_line_length = 100
napoleon_use_rtype = False
napoleon_custom_sections = ["Yields"]

# What docstrings and annotations name and no page of ours describes: Python itself and the libraries around us.
nitpick_ignore_regex = [
    (r"py:.*", r"(aiohttp|asyncio|collections|contextlib|datetime|logging|numpy|os|pathlib|ssl|threading|typing)\..*"),
    (r"py:.*", r"(discord|disnake|nextcord|hikari)\..*"),
    # Internals that annotations name: their modules, aliases, and what Sphinx makes of a literal.
    (
        r"py:(class|obj)",
        r"isocord\.(client|desk|hearing|monitoring|remote|runtime|testing)\.\w+\..*|isocord\._native\..*|_native\.\w+|typed\.\w+",
    ),
    (
        r"py:class",
        r"(After|AnySource|Collector|CollectorRegistry|Meter|(typing_extensions\.)?Buffer|Drop|FrameSource|Loop|Making|MomentKind|NodeCollector|One|Part|Path|Progress|Recorded|SinkOptions|Split|Target|Transcriber|T|Unpack|datetime)|'.*'|(dict|tuple)\[\w+",
    ),
    # The same of isocord.testing.
    (r"py:class", r"Json|Reference|Replies|Running|Waiter"),
]
