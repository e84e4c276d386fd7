#!/usr/bin/env bash
# pyspark 4.3.0: dropping a database that was made over a folder takes the folder along.
# Guess: `DROP DATABASE` forgets what it knows of a database whose `LOCATION` the user gave, and leaves the folder, as `DROP TABLE`
# does for a table with a location of its own. Seen: with the catalog in memory, the folder is gone, whatever is in it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} -m pip install --quiet --target "$folder/packages" pyspark==4.3.0
cat > "$folder/drop.py" <<'PYTHON'
import os
import sys

from pyspark.sql import SparkSession

home = sys.argv[1]
quiet = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
session = quiet.config("spark.sql.warehouse.dir", f"{home}/warehouse").getOrCreate()
for name in ("table", "database"):
    session.range(3).write.parquet(f"{home}/{name}/rows")
session.sql(f"CREATE TABLE t USING parquet LOCATION '{home}/table/rows'")
session.sql("DROP TABLE t")
session.sql(f"CREATE DATABASE d LOCATION '{home}/database'")
session.sql("DROP DATABASE d CASCADE")
print("table:", os.path.exists(f"{home}/table/rows"), "database:", os.path.exists(f"{home}/database"))
PYTHON
seen=$(PYTHONPATH="$folder/packages" ${PYTHON:-python3} "$folder/drop.py" "$folder" 2> /dev/null)
echo "what is there after the drop: $seen"
[ "$seen" = "table: True database: False" ]
