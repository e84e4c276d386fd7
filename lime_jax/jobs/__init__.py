"""Jobs: explanations of files that need not fit into memory, in parts that survive a crash."""

from lime_jax.jobs.folder import check_folder
from lime_jax.jobs.run import ENGINES, explain_file
from lime_jax.jobs.sample import sample_rows
from lime_jax.jobs.source import file_hash, open_source

__all__ = ["ENGINES", "check_folder", "explain_file", "file_hash", "open_source", "sample_rows"]
