"""Dictionaries and strings: words are made, counted, grouped, joined, split and replaced."""
import sys

size = int(sys.argv[1])
syllables = ["ka", "lo", "mi", "ter", "an", "os", "ri", "ven"]
state = 1
counts = {}
for i in range(size):
    state = (state * 1103515245 + 12345) & 0x7FFFFFFF
    word = syllables[state >> 8 & 7] + syllables[state >> 12 & 7] + syllables[state >> 16 & 7] + str(state >> 26)
    counts[word] = counts.get(word, 0) + 1
groups = {}
for word, count in counts.items():
    groups.setdefault(word[:2], []).append((count, word.upper()))
text = ";".join(f"{count}={word}" for group in groups.values() for count, word in group)
pairs = [pair.split("=") for pair in text.replace("KA", "ki").split(";")]
print(len(counts), len(text), sum(len(word) * int(count) for count, word in pairs))
print(max(sorted(pairs), key=lambda pair: int(pair[0])))
print(sum(1 for word in counts if word[::-1].startswith("1")), text.count("LO"), "".join(sorted(set(text))))
