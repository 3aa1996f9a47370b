// DeleteTopics (20), versions 0 to 6.
//
//     1     response: `throttleTimeMs`
//     2–3   as before
//     4     flexible
//     5     response: `errorMessage`
//     6     topics by name or by id; request: `topics`; request without `topicNames`; response: `topicId`

import MoldauRecords

/// Deletes topics.
package struct DeleteTopicsRequest: WireRequest {
    package typealias Response = DeleteTopicsResponse
    package static let api = ApiKey.deleteTopics

    package var topics: [Topic] = []
    package var topicNames: [String] = []
    package var timeoutMs: Int32 = 0

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("topics", &topics, since: 6)
        try wire("topicNames", &topicNames, until: 5)
        try wire("timeoutMs", &timeoutMs)
    }
}

extension DeleteTopicsRequest {
    /// The part of the request for one topic.
    package struct Topic: WireFields {
        package var name: String?
        package var topicID: TopicID = .zero

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("topicId", &topicID)
        }
    }
}

/// The topics that were deleted, or why not.
package struct DeleteTopicsResponse: WireMessage {
    package static let api = ApiKey.deleteTopics

    package var throttleTimeMs: Int32 = 0
    package var responses: [Topic] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs, since: 1)
        try wire("responses", &responses)
    }
}

extension DeleteTopicsResponse {
    /// The answer for one topic.
    package struct Topic: WireFields {
        package var name: String?
        package var topicID: TopicID = .zero
        package var errorCode: ErrorCode = .none
        package var errorMessage: String?

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name, nullSince: 6)
            try wire("topicId", &topicID, since: 6)
            try wire("errorCode", &errorCode)
            try wire("errorMessage", &errorMessage, since: 5)
        }
    }
}
