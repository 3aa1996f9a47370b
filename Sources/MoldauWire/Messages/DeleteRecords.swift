// DeleteRecords (21), versions 0 to 2.
//
//     1     as before
//     2     flexible

import MoldauRecords

/// Deletes the records before an offset.
package struct DeleteRecordsRequest: WireRequest {
    package typealias Response = DeleteRecordsResponse
    package static let api = ApiKey.deleteRecords

    package var topics: [Topic] = []
    package var timeoutMs: Int32 = 0

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("topics", &topics)
        try wire("timeoutMs", &timeoutMs)
    }
}

extension DeleteRecordsRequest {
    /// The part of the request for one topic.
    package struct Topic: WireFields {
        package var name = ""
        package var partitions: [Partition] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("partitions", &partitions)
        }
    }

    /// The part of the request for one partition.
    package struct Partition: WireFields {
        package var partitionIndex: Int32 = 0
        package var offset: Offset = .zero

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("partitionIndex", &partitionIndex)
            try wire("offset", &offset)
        }
    }
}

/// Where the partitions begin now.
package struct DeleteRecordsResponse: WireMessage {
    package static let api = ApiKey.deleteRecords

    package var throttleTimeMs: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("topics", &topics)
    }
}

extension DeleteRecordsResponse {
    /// The answer for one topic.
    package struct Topic: WireFields {
        package var name = ""
        package var partitions: [Partition] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("partitions", &partitions)
        }
    }

    /// The answer for one partition.
    package struct Partition: WireFields {
        package var partitionIndex: Int32 = 0
        package var lowWatermark: Offset = .zero
        package var errorCode: ErrorCode = .none

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("partitionIndex", &partitionIndex)
            try wire("lowWatermark", &lowWatermark)
            try wire("errorCode", &errorCode)
        }
    }
}
