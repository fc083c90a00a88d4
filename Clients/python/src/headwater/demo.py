"""A store from nothing to a training set in a few seconds: `python -m headwater.demo`.

Needs nothing but this package: the data is made up, the store is a temporary directory.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time

import numpy as np
import pyarrow as pa

import headwater as hw

_DAY = np.timedelta64(1, "D")


def definitions() -> list[hw.FeatureGroup | hw.FeatureService]:
    """Orders and profiles of customers, and what a model reads of them."""
    customer = hw.Entity("customer", {"customer_id": "int64"})
    orders = hw.FeatureGroup(
        "orders", customer, [hw.Feature("amount", "float64", checks={"min": 0}), hw.Feature("items", "array(string)")],
        event_time="ordered_at", max_age="30d",
    )  # fmt: skip
    profile = hw.FeatureGroup("profile", customer, {"country": "string", "embedding": "vector(8)"})
    return [orders, profile, hw.FeatureService("churn", ["orders:amount", "orders:items", "profile:country", "profile:embedding"])]


def orders_table(customers: int, rows: int, start: np.datetime64, random: np.random.Generator) -> pa.Table:
    """Orders over sixty days; some amounts are null, as in life."""
    amounts = random.gamma(2.0, 20.0, rows).round(2)
    goods = np.array(["tea", "cup", "pot", "tray"])
    return pa.table(
        {
            "customer_id": random.integers(0, customers, rows),
            "ordered_at": start + (random.random(rows) * 60 * 86_400e6).astype("timedelta64[us]"),
            "amount": pa.array(amounts, mask=random.random(rows) < 0.02),
            "items": [list(goods[: 1 + number % 4]) for number in range(rows)],
        }
    )


def main() -> None:
    """Runs the demo and says what it does."""
    parser = argparse.ArgumentParser(prog="python -m headwater.demo", description=__doc__)
    parser.add_argument("--data", help="keep the store in this directory; default: a temporary one, which is removed")
    parser.add_argument("--orders", type=int, default=200_000, help="how many orders there are (default: %(default)s)")
    options = parser.parse_args()
    folder = options.data or tempfile.mkdtemp(prefix="headwater-demo-")
    try:
        with hw.open(folder, project="shop") as client:
            _run(client, max(1, options.orders))
    finally:
        if not options.data:
            shutil.rmtree(folder, ignore_errors=True)


def _run(client: hw.Client, rows: int) -> None:
    print(f"== An embedded store: {client}")
    print(client.apply(definitions()))

    random = np.random.default_rng(2026)
    customers = max(1, rows // 20)
    start = np.datetime64("2026-01-01", "us")
    now = start + 60 * _DAY
    orders = orders_table(customers, rows, start, random)
    profile = {
        "customer_id": np.arange(customers), "country": np.array(["DE", "FR", "US"])[np.arange(customers) % 3],
        "embedding": random.random((customers, 8)).astype(np.float32),
    }  # fmt: skip
    began = time.perf_counter()
    client.write("profile", profile)
    position = client.write("orders", orders)
    seconds = time.perf_counter() - began
    print(f"\n== Wrote {rows + customers:,} rows, each on disk before it was acknowledged: {(rows + customers) / seconds:,.0f} rows/s")

    print("\n== Three vectors online, at least as new as the write; the last customer is not known")
    ids = [1, 2, customers + 1]
    got = client.get_online_features(service="churn", entities={"customer_id": ids}, min_position=position, at=now)
    print(got)
    print(f"   statuses of amount: {', '.join(got.statuses['amount'])}")
    times = []
    for _ in range(500):
        began = time.perf_counter()
        client.get_online_features(service="churn", entities={"customer_id": random.integers(0, customers, 100)}, at=now)
        times.append(time.perf_counter() - began)
    print(f"   100 customers × 4 features: {np.median(times) * 1e6:,.0f} µs in the median of 500 gets")

    print("\n== A training set: what was known of a customer at each moment, and nothing later")
    moments = start + np.arange(5) * 12 * _DAY
    spine = pa.table({"customer_id": random.integers(0, customers, 5), "event_time": moments, "label": [0, 1, 0, 0, 1]})
    print(client.get_historical_features(spine, service="churn", min_position=position).to_arrow().to_pylist()[-1])

    moment = pa.table({"customer_id": ids, "event_time": np.full(len(ids), now)})
    offline = client.get_historical_features(moment, service="churn").to_arrow(statuses=True).drop_columns(["event_time"])
    agree = offline.to_pydict() == got.to_arrow(statuses=True).to_pydict()
    print(f"\n== The online vectors equal the offline ones for the same moment: {agree}")
    print(client.audit())
    if not agree:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
