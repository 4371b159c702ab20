"""JSON: nested data is written and read again, many times."""
import json
import sys

size = int(sys.argv[1])
state = 3


def value(depth):
    global state
    state = (state * 1103515245 + 12345) & 0x7FFFFFFF
    kind = state >> 8 & 7
    if depth == 0 or kind == 0:
        return [state >> 12, (state >> 12) / 64, f"text \u00e9 {state >> 20}", None, True][state >> 16 & 3]
    if kind < 4:
        return [value(depth - 1) for _ in range(3)]
    return {f"key{i}": value(depth - 1) for i in range(4)}


data = [value(6) for _ in range(8)]
length = 0
for round in range(size):
    text = json.dumps(data, indent=round % 3 or None, sort_keys=round % 2 == 0)
    length += len(text)
    data = json.loads(text)
    data.append(round)
print(length, len(data), json.dumps(data)[:60])
