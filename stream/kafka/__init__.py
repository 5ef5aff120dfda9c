"""The cluster setting's log and streams, on Kafka by kafka-python. The consumer of the documents is `stream.worker`."""
