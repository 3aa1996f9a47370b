// DescribeLogDirs (35), versions 0 to 4.
//
//     1     as before
//     2     flexible
//     3     one error for all; response: `errorCode`
//     4     the size of the volume; response: `totalBytes`, `usableBytes`

import MoldauRecords

/// Requests the log directories and the sizes of the partitions in them.
package struct DescribeLogDirsRequest: WireRequest {
    package typealias Response = DescribeLogDirsResponse
    package static let api = ApiKey.describeLogDirs

    package var topics: [Topic]? = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("topics", &topics)
    }
}

extension DescribeLogDirsRequest {
    /// The partitions of one topic.
    package struct Topic: WireFields {
        package var topic = ""
        package var partitions: [Int32] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("topic", &topic)
            try wire("partitions", &partitions)
        }
    }
}

/// Log directories.
package struct DescribeLogDirsResponse: WireMessage {
    package static let api = ApiKey.describeLogDirs

    package var throttleTimeMs: Int32 = 0
    package var errorCode: ErrorCode = .none
    package var results: [Directory] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("errorCode", &errorCode, since: 3)
        try wire("results", &results)
    }
}

extension DescribeLogDirsResponse {
    /// A log directory and what is in it.
    package struct Directory: WireFields {
        package var errorCode: ErrorCode = .none
        package var logDir = ""
        package var topics: [Topic] = []
        package var totalBytes: Int64 = -1
        package var usableBytes: Int64 = -1

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("errorCode", &errorCode)
            try wire("logDir", &logDir)
            try wire("topics", &topics)
            try wire("totalBytes", &totalBytes, since: 4)
            try wire("usableBytes", &usableBytes, since: 4)
        }
    }

    /// The partitions of one topic.
    package struct Topic: WireFields {
        package var name = ""
        package var partitions: [Partition] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("partitions", &partitions)
        }
    }

    /// A partition's size.
    package struct Partition: WireFields {
        package var partitionIndex: Int32 = 0
        package var partitionSize: Int64 = 0
        package var offsetLag: Int64 = 0
        package var isFutureKey = false

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("partitionIndex", &partitionIndex)
            try wire("partitionSize", &partitionSize)
            try wire("offsetLag", &offsetLag)
            try wire("isFutureKey", &isFutureKey)
        }
    }
}
