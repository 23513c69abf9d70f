# SPDX-License-Identifier: BSD-3-Clause
"""A stand-in for OpenWrt's jsonfilter, on CPython or MicroPython.

    jsonfilter [-q] [-s JSON | -i FILE] -e EXPRESSION ...

An expression is `@`, then any of `.name`, `['name']`, `[2]`, `[*]` and `[@.name=value]` (those items of an array,
or values of a table, whose `name` is that; a value is true, false, a number or 'text'). Each match is a line; a
string is printed as it is. 1 if nothing matched, 126 if the input is not JSON.
"""

import json
import sys


class Text:
    """What is left of an expression."""

    def __init__(self, text):
        self.left = text

    def take(self, start):
        found = self.left.startswith(start)
        if found:
            self.left = self.left[len(start):]
        return found

    def until(self, ends):
        size = 0
        while size < len(self.left) and self.left[size] not in ends:
            size += 1
        word, self.left = self.left[:size], self.left[size:]
        return word


def literal(word):
    return word[1:-1] if word[:1] in "'\"" else json.loads(word)


def children(value):
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def member(value, name):
    return [value[name]] if isinstance(value, dict) and name in value else []


def matches(values, expression):
    text = Text(expression)
    if not text.take("@") and not text.take("$"):
        raise ValueError(expression)
    while text.left:
        if text.take("."):
            name = text.until(".[")
            values = [found for value in values for found in member(value, name)]
        elif text.take("[@."):
            name = text.until("=")
            text.take("=")
            wanted = literal(text.until("]"))
            text.take("]")
            each = [child for value in values for child in children(value)]
            values = [child for child in each if wanted in member(child, name)]
        elif text.take("[*]"):
            values = [child for value in values for child in children(value)]
        elif text.take("["):
            index = literal(text.until("]"))
            text.take("]")
            if isinstance(index, str):
                values = [found for value in values for found in member(value, index)]
            else:
                values = [value[index] for value in values if isinstance(value, list) and index < len(value)]
        else:
            raise ValueError(expression)
    return values


def main(words):
    expressions = []
    source = None
    while words:
        word = words.pop(0)
        if word == "-e":
            expressions.append(words.pop(0))
        elif word == "-s":
            source = words.pop(0)
        elif word == "-i":
            with open(words.pop(0)) as file:
                source = file.read()
        elif word != "-q":
            raise ValueError(word)
    try:
        value = json.loads(sys.stdin.read() if source is None else source)
    except ValueError:
        return 126
    found = [match for expression in expressions for match in matches([value], expression)]
    for match in found:
        print(match if isinstance(match, str) else json.dumps(match))
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
