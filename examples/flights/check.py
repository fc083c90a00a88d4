#!/usr/bin/env python3
"""Check the training set against its spine: order, number, labels, and statuses that the data must give.

Usage: check.py SPINE.csv TRAINING.csv
"""

import csv
import sys


def main() -> int:
    spine_path, training_path = sys.argv[1:]
    rows = delayed = without_plane = plane_found = weather_found = previous_found = 0
    with open(spine_path, newline="") as spine_file, open(training_path, newline="") as training_file:
        spine, training = csv.DictReader(spine_file), csv.DictReader(training_file)
        for expected, got in zip(spine, training, strict=True):
            rows += 1
            for column, cell in expected.items():
                if got[column] != cell:
                    print(f"row {rows}: column {column} is {got[column]!r} in the training set and {cell!r} in the spine")
                    return 1
            delayed += expected["delayed15"] in ("1", "true")
            weather_found += got["temp__status"] in ("PRESENT", "NULL_VALUE")
            previous_found += got["arr_delay__status"] in ("PRESENT", "NULL_VALUE")
            plane_found += got["seats__status"] in ("PRESENT", "NULL_VALUE")
            if expected["tailnum"] == "":
                without_plane += 1
                if got["seats__status"] != "NOT_FOUND" or got["seats"] != "":
                    print(f"row {rows}: no tailnum, and yet seats is {got['seats__status']}")
                    return 1
    print(f"   {rows:,} departures, {delayed:,} of them more than 15 minutes late")
    print(f"   weather within 3 h: {weather_found:,}; plane known: {plane_found:,}; an earlier arrival of the plane: {previous_found:,}")
    print(f"   {without_plane:,} departures have no tailnum: NOT_FOUND for the plane's groups, every row kept")
    if rows != 336_776 or without_plane != 2_512:
        print("   expected 336,776 departures and 2,512 without tailnum")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
