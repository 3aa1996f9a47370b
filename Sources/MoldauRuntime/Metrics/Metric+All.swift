// All metrics. The same table is in Docs/Operating.md; a test compares the two.

extension Metric {
    /// All metrics, in the order of the documentation.
    public static let all = application + threads + tasks + nodes + stores + broker

    // MARK: The application

    static let state = Metric(
        "client_state", .gauge, .flag, by: ["state"], kafka: "state",
        "1 for the state that the application is in, 0 for the others.")
    static let aliveThreads = Metric(
        "client_alive_stream_threads", .gauge, .threads, kafka: "alive-stream-threads", "Threads that run.")
    static let failedThreads = Metric(
        "client_failed_stream_threads_total", .counter, .times, kafka: "failed-stream-threads",
        "How often a thread ended because of an error.")
    static let silentThreads = Metric(
        "client_silent_stream_threads", .gauge, .threads,
        "Threads that did not answer within two seconds: what they do is missing in this reading.")
    static let rebalances = Metric(
        "client_rebalance_total", .counter, .times, kafka: "rebalance-total",
        "How often tasks began to move between threads or processes, the start included.")
    static let memoryBudget = Metric(
        "client_state_memory_budget_bytes", .gauge, .bytes, "What the stores may use: stateMemoryBytes.")
    static let memoryUsed = Metric(
        "client_state_memory_bytes", .gauge, .bytes, by: ["part"], kafka: "block-cache-usage",
        "What the stores use: of the budget's block-cache (memtables included) and write-back part.")
    static let openStores = Metric(
        "client_open_stores", .gauge, .stores, "Stores that share the budget, copies and global tables included.")

    static let application = [
        state, aliveThreads, failedThreads, silentThreads, rebalances, memoryBudget, memoryUsed, openStores,
    ]

    // MARK: Threads

    static let threadProcessed = Metric(
        "thread_process_total", .counter, .records, by: ["thread"], kafka: "process-total", "Records processed.")
    static let threadProcessTime = Metric(
        "thread_process_latency_seconds", .summary, .seconds, by: ["thread"], kafka: "process-latency-avg",
        "The time of a round's processing: of a batch of records, not of one.")
    static let threadProcessLongest = Metric(
        "thread_process_latency_max_seconds", .gauge, .seconds, by: ["thread"], kafka: "process-latency-max",
        "The longest time of a round's processing lately.")
    static let threadProcessRatio = Metric(
        "thread_process_ratio", .gauge, .ratio, by: ["thread"], kafka: "process-ratio",
        "The share of time that was spent on processing lately.")
    static let threadPollTime = Metric(
        "thread_poll_latency_seconds", .summary, .seconds, by: ["thread"], kafka: "poll-latency-avg",
        "The time of a fetch, with the wait for records.")
    static let threadPollLongest = Metric(
        "thread_poll_latency_max_seconds", .gauge, .seconds, by: ["thread"], kafka: "poll-latency-max",
        "The longest time of a fetch lately.")
    static let threadPollRatio = Metric(
        "thread_poll_ratio", .gauge, .ratio, by: ["thread"], kafka: "poll-ratio",
        "The share of time that was spent on fetching and waiting lately.")
    static let threadCommits = Metric(
        "thread_commit_total", .counter, .commits, by: ["thread"], kafka: "commit-total", "Completed commits.")
    static let threadCommitTime = Metric(
        "thread_commit_latency_seconds", .summary, .seconds, by: ["thread"], kafka: "commit-latency-avg",
        "The time of a commit.")
    static let threadCommitLongest = Metric(
        "thread_commit_latency_max_seconds", .gauge, .seconds, by: ["thread"], kafka: "commit-latency-max",
        "The longest time of a commit lately.")
    static let threadCommitRatio = Metric(
        "thread_commit_ratio", .gauge, .ratio, by: ["thread"], kafka: "commit-ratio",
        "The share of time that was spent on commits lately.")
    static let threadTasks = Metric(
        "thread_tasks", .gauge, .tasks, by: ["thread", "phase"], kafka: "active-running-tasks",
        "Tasks by phase: running, restoring or standby.")
    static let threadRestored = Metric(
        "thread_restore_total", .counter, .records, by: ["thread"], kafka: "restore-total",
        "Changelog records that were read into stores.")
    static let threadFollowed = Metric(
        "thread_standby_update_total", .counter, .records, by: ["thread"], kafka: "standby-update-total",
        "Changelog records that were applied to standby copies.")
    static let threadGlobalUpdates = Metric(
        "thread_global_update_total", .counter, .records, by: ["thread"],
        "Records that were applied to the thread's copies of global tables.")
    static let threadHeld = Metric(
        "thread_out_of_space", .gauge, .flag, by: ["thread"],
        "1 while processing is paused because a disk or the cluster has no room.")

    static let threads = [
        threadProcessed, threadProcessTime, threadProcessLongest, threadProcessRatio, threadPollTime,
        threadPollLongest, threadPollRatio, threadCommits, threadCommitTime, threadCommitLongest, threadCommitRatio,
        threadTasks, threadRestored, threadFollowed, threadGlobalUpdates, threadHeld,
    ]

    // MARK: Tasks and their input

    static let taskProcessed = Metric(
        "task_process_total", .counter, .records, by: ["task", "thread"], kafka: "process-total", "Records processed.")
    static let taskBuffered = Metric(
        "task_input_buffer_bytes", .gauge, .bytes, by: ["task", "thread"], kafka: "input-buffer-bytes-total",
        "Fetched batches that are not processed completely.")
    static let taskWaits = Metric(
        "task_waits", .gauge, .flag, by: ["task", "thread"],
        "1 if the task has records but waits for another of its partitions.")
    static let taskInFlight = Metric(
        "task_async_in_flight", .gauge, .records, by: ["task", "thread"],
        "Records that wait for the results of asynchronous operators.")
    static let consumed = Metric(
        "partition_records_consumed_total", .counter, .records, by: ["topic", "partition"],
        kafka: "records-consumed-total", "Records that were taken from an input partition.")
    static let lagRecords = Metric(
        "partition_records_lag", .gauge, .records, by: ["topic", "partition"], kafka: "records-lag",
        "Offsets between what is processed and the end of the partition, as of the last fetch.")
    static let lagTime = Metric(
        "partition_lag_seconds", .gauge, .seconds, by: ["topic", "partition"],
        "The age of the next record by its own time; 0 if there is none. Missing while that is unknown.")

    static let tasks = [taskProcessed, taskBuffered, taskWaits, taskInFlight, consumed, lagRecords, lagTime]

    // MARK: Nodes and output

    static let nodeProcessed = Metric(
        "node_process_total", .counter, .records, by: ["node"], kafka: "process-total", "Records that reached a node.")
    static let nodeForwarded = Metric(
        "node_forward_total", .counter, .records, by: ["node"],
        "Records that a node passed on; for a sink, those that it sent.")
    static let dropped = Metric(
        "node_dropped_records_total", .counter, .records, by: ["node", "reason"], kafka: "dropped-records-total",
        "Dropped records; see Docs/DroppedRecords.md for the reasons.")
    static let produced = Metric(
        "topic_records_produced_total", .counter, .records, by: ["topic"], kafka: "records-produced-total",
        "Records that were sent to a topic; changelogs included.")
    static let producedBytes = Metric(
        "topic_bytes_produced_total", .counter, .bytes, by: ["topic"], kafka: "bytes-produced-total",
        "The bytes of the batches that were sent to a topic; changelogs included.")
    static let endToEndLeast = Metric(
        "topic_record_e2e_latency_min_seconds", .gauge, .seconds, by: ["topic"], kafka: "record-e2e-latency-min",
        "The least age, by its own time, of a record that was sent lately; batches are looked at, not records.")
    static let endToEndMost = Metric(
        "topic_record_e2e_latency_max_seconds", .gauge, .seconds, by: ["topic"], kafka: "record-e2e-latency-max",
        "The greatest age of the first record of a batch that was sent lately.")

    static let nodes = [
        nodeProcessed, nodeForwarded, dropped, produced, producedBytes, endToEndLeast, endToEndMost,
    ]

    // MARK: Stores

    static let storeEntries = Metric(
        "store_num_keys", .gauge, .records, by: ["store", "task", "thread"], kafka: "num-keys",
        "Keys in a store, an estimate for those on disk. For a global table, the label task is global.")
    static let storeCacheBytes = Metric(
        "store_cache_size_bytes", .gauge, .bytes, by: ["store", "task", "thread"], kafka: "cache-size-bytes-total",
        "What the write-back cache uses.")
    static let storeUnsaved = Metric(
        "store_cache_unsaved_bytes", .gauge, .bytes, by: ["store", "task", "thread"],
        "The part of the write-back cache that is not in the store's files yet.")
    static let storeHits = Metric(
        "store_cache_hit_total", .counter, .reads, by: ["store", "task", "thread"], kafka: "hit-ratio-avg",
        "Reads that found the key in the cache.")
    static let storeMisses = Metric(
        "store_cache_miss_total", .counter, .reads, by: ["store", "task", "thread"],
        "Reads that went to the store's files, because the cache did not have the key.")
    static let storeDisk = Metric(
        "store_sst_files_size_bytes", .gauge, .bytes, by: ["store", "task", "thread"], kafka: "total-sst-files-size",
        "RocksDB's files of a store.")
    static let storeMemtables = Metric(
        "store_mem_tables_size_bytes", .gauge, .bytes, by: ["store", "task", "thread"], kafka: "size-all-mem-tables",
        "RocksDB's memtables of a store.")
    static let storeCompaction = Metric(
        "store_pending_compaction_bytes", .gauge, .bytes, by: ["store", "task", "thread"],
        kafka: "estimate-pending-compaction-bytes", "What RocksDB has to rewrite to keep reads quick.")
    static let storeErrors = Metric(
        "store_background_errors_total", .counter, .errors, by: ["store", "task", "thread"], kafka: "background-errors",
        "Errors of RocksDB's own threads, in the database of the store's task.")
    static let storeRestoreLeft = Metric(
        "store_restore_remaining_records", .gauge, .records, by: ["store", "partition", "thread", "copy"],
        kafka: "restore-remaining-records-total",
        "Offsets of the changelog that a store has not read yet: one that is restored, or a standby copy.")

    static let stores = [
        storeEntries, storeCacheBytes, storeUnsaved, storeHits, storeMisses, storeDisk, storeMemtables, storeCompaction,
        storeErrors, storeRestoreLeft,
    ]

    // MARK: The embedded broker

    static let topicSize = Metric(
        "broker_log_size_bytes", .gauge, .bytes, by: ["topic"], kafka: "Size",
        "What the records of a topic of the embedded broker take on disk.")
    static let brokerGroups = Metric(
        "broker_groups", .gauge, .groups, kafka: "NumGroups", "Groups of the embedded broker.")
    static let brokerPartitions = Metric(
        "broker_partitions", .gauge, .partitions, kafka: "PartitionCount", "Partitions of the embedded broker.")

    static let brokerConnections = Metric(
        "broker_connections", .gauge, .connections, kafka: "connection-count",
        "Connections to the embedded broker from outside the process.")
    static let brokerRequests = Metric(
        "broker_requests_total", .counter, .requests, kafka: "RequestsPerSec",
        "Requests over connections from outside the process.")
    static let brokerReceived = Metric(
        "broker_bytes_in_total", .counter, .bytes, kafka: "BytesInPerSec",
        "Bytes received over connections from outside the process.")
    static let brokerSent = Metric(
        "broker_bytes_out_total", .counter, .bytes, kafka: "BytesOutPerSec",
        "Bytes sent over connections from outside the process.")

    static let broker = [
        topicSize, brokerPartitions, brokerGroups, brokerConnections, brokerRequests, brokerReceived, brokerSent,
    ]
}
