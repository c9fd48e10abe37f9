"""The tree that the Python router used, written anew from its description: what the core is measured against.

Nodes are whole inserted texts below the longest inserted text that they begin with. They are never split: two texts
that part in the middle of one are siblings. Children are a list that is searched from one end to the other, and each
node holds Python lists with the payload of its own part.

Reads one JSON object from standard input: {"workload", "entries": [[text, ids, logprobs, mask]], "asked": [text],
"rounds"}; writes {"insert_us", "match_us", "answers": [tokens found]}, the best of the rounds.
"""

import json
import sys
import time


class Node:
    __slots__ = ("text", "ids", "logprobs", "mask", "versions", "traverse", "used", "children")

    def __init__(self, text):
        self.text = text
        self.ids, self.logprobs, self.mask, self.versions = [], [], [], []
        self.traverse = 0
        self.used = 0.0
        self.children = []


class StringTrie:
    def __init__(self):
        self.root = Node("")

    def find(self, text):
        """Payload of the longest inserted text that `text` begins with, and the rest of `text`."""
        ids, logprobs, mask, versions = [], [], [], []
        node, rest = self.root, text
        while rest:
            for child in node.children:
                if rest.startswith(child.text):
                    break
            else:
                break
            node, rest = child, rest[len(child.text):]
            node.used = time.time()
            ids.extend(node.ids)
            logprobs.extend(node.logprobs)
            mask.extend(node.mask)
            versions.extend(node.versions)
        return ids, logprobs, mask, versions, rest

    def insert(self, text, ids, logprobs, mask, version):
        node, rest, have = self.root, text, 0
        while rest:
            for child in node.children:
                if rest.startswith(child.text):
                    break
            else:
                child = Node(rest)
                child.ids, child.logprobs, child.mask = ids[have:], logprobs[have:], mask[have:]
                child.versions = [version if bit else -1 for bit in child.mask]
                node.children.append(child)
            node, rest = child, rest[len(child.text):]
            have += len(node.ids)
            node.traverse = version
            node.used = time.time()


def best(rounds, run):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    given = json.load(sys.stdin)
    entries, asked = given["entries"], given["asked"]
    trie = StringTrie()

    def fill():
        nonlocal trie
        trie = StringTrie()
        for text, ids, logprobs, mask in entries:
            if given["pairs"]:
                trie.find(text)
            trie.insert(text, ids, logprobs, mask, 1)

    insert = best(given["rounds"], fill)
    match = best(given["rounds"], lambda: [trie.find(text) for text in asked])
    answers = [len(trie.find(text)[0]) for text in asked]
    result = {
        "insert_us": insert * 1e6 / len(entries),
        "match_us": match * 1e6 / len(asked),
        "answers": answers,
    }
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
