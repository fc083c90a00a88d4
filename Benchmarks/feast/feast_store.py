"""Makes a store of Feast's that `feast serve` then serves: the peer of the table of HTTP.

usage: feast_store.py PLACE (--redis CONNECTION | --sqlite) [--entities N]

One view of 50 float64 features, `user`, by the int64 key `key`; entity n has the values of row n of the same seed's matrix. The rest as
feast_gets.py has it, and says why.
"""

import os
from datetime import datetime, timedelta, timezone

import numpy as np
import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.types import Float64
from feast_gets import CONFIGURATION, FILLED_AT_ONCE, parsed

FEATURES = [f"x{number}" for number in range(50)]


def main():
    options = parsed(__doc__)
    place = options.place
    os.makedirs(place, exist_ok=True)
    online = f'redis\n  connection_string: "{options.redis}"' if options.redis else f"sqlite\n  path: {place}/online.db"
    with open(f"{place}/feature_store.yaml", "w") as file:
        file.write(CONFIGURATION.format(place=place, online=online))
    values = np.random.default_rng(1).standard_normal((options.entities, len(FEATURES)))
    earlier = datetime.now(timezone.utc) - timedelta(hours=1)
    rows = pd.DataFrame({"key": np.arange(options.entities), "event_timestamp": earlier, **dict(zip(FEATURES, values.T))})
    rows.to_parquet(f"{place}/rows.parquet")
    entity = Entity(name="user", join_keys=["key"], value_type=ValueType.INT64)
    source = FileSource(name="rows", path=f"{place}/rows.parquet", timestamp_field="event_timestamp")
    schema = [Field(name=feature, dtype=Float64) for feature in FEATURES]
    view = FeatureView(name="user", entities=[entity], ttl=timedelta(days=7), schema=schema, online=True, source=source)
    feast = FeatureStore(repo_path=place)
    feast.apply([entity, view])
    for first in range(0, len(rows), FILLED_AT_ONCE):
        feast.write_to_online_store("user", df=rows[first : first + FILLED_AT_ONCE])
    # Its registry's thread would wait for the next refresh.
    os._exit(0)


if __name__ == "__main__":
    main()
