"""What is kept for good: document bodies, examples and dataset versions."""

import os

# deltalake's allocator (jemalloc) keeps freed pages in an arena for each of its threads, which
# grows with every commit. This gives them back at once. It is read as the library loads, so it
# stands before any import of it; whoever has set it keeps theirs.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:0,muzzy_decay_ms:0")
