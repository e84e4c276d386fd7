"""The explainers on engines that people already operate: Ray and Spark.

One function does all the work, `explain_chunk`; the engines hand it rows and collect tables. A
row's explanation does not depend on the engine, the number of workers, the block it came in, or
how often it was computed.
"""

from lime_jax.distributed.worker import ChunkSpec, ModelFactory, explain_chunk

__all__ = ["ChunkSpec", "ModelFactory", "explain_chunk"]
