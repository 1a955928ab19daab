"""What the demo's results must be, worked out a second time with nothing but Python's own csv module.

It shares no code with Deriva and never talks to a node. Usage:
    expect.py DATA_FOLDER WEATHER_FILE STATES_FILE CITIES_FILE RAIN_FILE
It prints the first lines of what it agrees with, and fails with the first cell that differs.
"""

import csv
import math
import sys
from collections import defaultdict


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def figures(path, key, figure):
    """A result of csv_aggregate as a dictionary from group to number."""
    return {row[key] if key else "": float(row[figure]) for row in table(path)}


def compare(what, given, expected):
    if given.keys() != expected.keys():
        sys.exit(f"{what}: groups differ: {sorted(given.keys() ^ expected.keys())[:5]}")
    for group, number in expected.items():
        if not math.isclose(given[group], number, rel_tol=1e-12):
            sys.exit(f"{what}: {group or 'all'} is {given[group]}, not {number}")
    top = sorted(expected.items(), key=lambda item: -item[1])[:3]
    shown = ", ".join(f"{group} {number:g}".strip() if group else f"{number:.3f}" for group, number in top)
    print(f"    {what}: {shown}{' ...' if len(expected) > 3 else ''}")


def main(data, weather, states, cities, rain):
    airports = {row["iata"]: row for row in table(f"{data}/airports.csv")}
    by_state, by_city = defaultdict(float), defaultdict(float)
    for flight in table(f"{data}/flights-airport.csv"):
        airport = airports.get(flight["origin"])
        if airport is None:
            continue
        by_state[airport["state"]] += float(flight["count"])
        if airport["state"] == "WA":
            by_city[airport["city"]] += float(flight["count"])
    rainy = [float(row["temp_max"]) for row in table(weather) if row["weather"] == "rain"]

    compare("departures by state", figures(states, "state", "sum_count"), by_state)
    compare("departures in Washington by city", figures(cities, "city", "sum_count"), by_city)
    compare("mean high on rainy days in Seattle (C)", figures(rain, None, "mean_temp_max"), {"": sum(rainy) / len(rainy)})


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])
