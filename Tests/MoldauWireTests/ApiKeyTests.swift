import MoldauRecords
import MoldauWire
import Testing

struct ApiKeyTests {
    /// The versions that current clients and tools use.
    @Test(
        arguments: [
            (.produce, 0...12), (.fetch, 4...17), (.listOffsets, 0...10), (.metadata, 0...12), (.offsetCommit, 2...9),
            (.offsetFetch, 1...9), (.findCoordinator, 0...6), (.joinGroup, 0...9), (.heartbeat, 0...4),
            (.leaveGroup, 0...5), (.syncGroup, 0...5), (.describeGroups, 0...5), (.listGroups, 0...5),
            (.saslHandshake, 0...1), (.apiVersions, 0...4), (.createTopics, 0...7), (.deleteTopics, 0...6),
            (.deleteRecords, 0...2), (.initProducerId, 0...5), (.offsetForLeaderEpoch, 2...4),
            (.addPartitionsToTxn, 0...5), (.addOffsetsToTxn, 0...4), (.endTxn, 0...5), (.writeTxnMarkers, 0...1),
            (.txnOffsetCommit, 0...5), (.describeAcls, 1...3), (.createAcls, 1...3), (.deleteAcls, 1...3),
            (.describeConfigs, 0...4), (.alterConfigs, 0...2), (.describeLogDirs, 0...4), (.saslAuthenticate, 0...2),
            (.createPartitions, 0...3), (.deleteGroups, 0...2), (.electLeaders, 0...2),
            (.incrementalAlterConfigs, 0...1), (.alterPartitionReassignments, 0...0),
            (.listPartitionReassignments, 0...0), (.offsetDelete, 0...0), (.describeClientQuotas, 0...1),
            (.alterClientQuotas, 0...1), (.describeUserScramCredentials, 0...0), (.alterUserScramCredentials, 0...0),
            (.describeQuorum, 0...2), (.updateFeatures, 0...1), (.describeCluster, 0...1), (.describeProducers, 0...0),
            (.describeTransactions, 0...0), (.listTransactions, 0...1), (.consumerGroupHeartbeat, 0...1),
            (.consumerGroupDescribe, 0...1), (.listClientMetricsResources, 0...0), (.describeTopicPartitions, 0...0),
        ] as [(ApiKey, ClosedRange<Int16>)])
    func `an API has the versions that clients need`(api: ApiKey, needed: ClosedRange<Int16>) {
        #expect(api.versions.lowerBound <= needed.lowerBound && api.versions.upperBound >= needed.upperBound)
    }

    @Test(arguments: ApiKey.allCases)
    func `an API's messages have its name and key`(api: ApiKey) {
        #expect("\(api.request)" == api.name + "Request")
        #expect("\(api.response)" == api.name + "Response")
        #expect(api.request.api == api && api.response.api == api)
    }

    @Test func `a response to ApiVersions has the oldest header, which every client can read`() {
        #expect(ApiKey.apiVersions.responseHeader(version: 4) == 0)
        #expect(ApiKey.apiVersions.requestHeader(version: 4) == 2)
        #expect(ApiKey.metadata.responseHeader(version: 9) == 1)
        #expect(ApiKey.saslHandshake.requestHeader(version: 1) == 1)
    }

    @Test func `error codes have Kafka's names, and unknown ones their numbers`() {
        let known = (Int16(-1)...128).map { ErrorCode(rawValue: $0) }
        #expect(known.filter { $0.name == String($0.rawValue) } == [ErrorCode(rawValue: 99)])
        #expect(Set(known.map(\.name)).count == known.count)
        let named: [(ErrorCode, String)] = [
            (.unknownServerError, "UNKNOWN_SERVER_ERROR"), (.none, "NONE"), (.offsetOutOfRange, "OFFSET_OUT_OF_RANGE"),
            (.invalidTxnState, "INVALID_TXN_STATE"), (.memberIDRequired, "MEMBER_ID_REQUIRED"),
            (.unstableOffsetCommit, "UNSTABLE_OFFSET_COMMIT"), (.transactionAbortable, "TRANSACTION_ABORTABLE"),
            (.invalidRegularExpression, "INVALID_REGULAR_EXPRESSION"),
        ]
        for (code, name) in named { #expect(code.name == name) }
        #expect(ErrorCode(rawValue: 999).name == "999" && ErrorCode(rawValue: -2).name == "-2")
        #expect(ErrorCode(rawValue: .max).name == "32767")
    }

    @Test func `transient errors are retriable, and others are not`() {
        #expect(ErrorCode.notLeaderOrFollower.isRetriable && ErrorCode.concurrentTransactions.isRetriable)
        #expect(!ErrorCode.none.isRetriable && !ErrorCode.producerFenced.isRetriable)
        #expect(!ErrorCode(rawValue: 999).isRetriable)
    }
}
