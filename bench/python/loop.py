"""One loop of integer arithmetic that never calls anything."""
import sys

total = 0
for i in range(int(sys.argv[1])):
    total = (total * 3 + i) & 0xFFFFFFF
print(total)
