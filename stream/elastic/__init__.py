"""The index of the cluster setting: the ports of storage on Elasticsearch 8."""
