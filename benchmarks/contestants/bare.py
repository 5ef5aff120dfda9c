"""aiokafka → constant score → bulk, with nothing around it: no commit, no scored topic, no retry, no dead letters.

`python bare.py BOOTSTRAP TOPIC ELASTICSEARCH INDEX HOW_MANY`
"""

from __future__ import annotations

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor

from aiokafka import AIOKafkaConsumer
from common import Bulk, Contest, scored

BATCH = 512


async def main(bootstrap: str, topic: str, url: str, index: str, wanted: int) -> None:
    """One batch is fetched while the one before is written."""
    contest, bulk = Contest(wanted), Bulk(url, index)
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="earliest")
    await consumer.start()
    loop, writer = asyncio.get_running_loop(), ThreadPoolExecutor(1)
    writing: asyncio.Future[None] | None = None
    before = 0
    while True:
        batches = await consumer.getmany(timeout_ms=200, max_records=BATCH)
        if batches:
            contest.begin()
        documents = [scored(json.loads(message.value)) for messages in batches.values() for message in messages]
        if writing is not None:
            await writing
            writing = None
            if contest.count(before):
                break
        if documents:
            before = len(documents)
            writing = loop.run_in_executor(writer, bulk.write, documents)
    await consumer.stop()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5], int(sys.argv[5])))
