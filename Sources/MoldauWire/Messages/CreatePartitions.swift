// CreatePartitions (37), versions 0 to 3.
//
//     1     as before
//     2     flexible
//     3     THROTTLING_QUOTA_EXCEEDED is known

import MoldauRecords

/// Adds partitions to topics.
package struct CreatePartitionsRequest: WireRequest {
    package typealias Response = CreatePartitionsResponse
    package static let api = ApiKey.createPartitions

    package var topics: [Topic] = []
    package var timeoutMs: Int32 = 0
    package var validateOnly = false

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("topics", &topics)
        try wire("timeoutMs", &timeoutMs)
        try wire("validateOnly", &validateOnly)
    }
}

extension CreatePartitionsRequest {
    /// The part of the request for one topic.
    package struct Topic: WireFields {
        package var name = ""
        package var count: Int32 = 0
        package var assignments: [Assignment]? = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("count", &count)
            try wire("assignments", &assignments)
        }
    }

    /// The replicas of one new partition, chosen by hand.
    package struct Assignment: WireFields {
        package var brokerIDs: [Int32] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("brokerIds", &brokerIDs)
        }
    }
}

/// Which topics have more partitions.
package struct CreatePartitionsResponse: WireMessage {
    package static let api = ApiKey.createPartitions

    package var throttleTimeMs: Int32 = 0
    package var results: [Topic] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("results", &results)
    }
}

extension CreatePartitionsResponse {
    /// The answer for one topic.
    package struct Topic: WireFields {
        package var name = ""
        package var errorCode: ErrorCode = .none
        package var errorMessage: String?

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("errorCode", &errorCode)
            try wire("errorMessage", &errorMessage)
        }
    }
}
