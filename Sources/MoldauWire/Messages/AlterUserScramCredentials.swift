// AlterUserScramCredentials (51), version 0.

import MoldauRecords

/// Adds, changes and deletes SCRAM users.
package struct AlterUserScramCredentialsRequest: WireRequest {
    package typealias Response = AlterUserScramCredentialsResponse
    package static let api = ApiKey.alterUserScramCredentials

    package var deletions: [Deletion] = []
    package var upsertions: [Upsertion] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("deletions", &deletions)
        try wire("upsertions", &upsertions)
    }
}

extension AlterUserScramCredentialsRequest {
    /// A user's mechanism to delete.
    package struct Deletion: WireFields {
        package var name = ""
        package var mechanism: Int8 = 0

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("mechanism", &mechanism)
        }
    }

    /// A user's mechanism to add or change, with the salted password.
    package struct Upsertion: WireFields {
        package var name = ""
        package var mechanism: Int8 = 0
        package var iterations: Int32 = 0
        package var salt = WireBytes()
        package var saltedPassword = WireBytes()

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
            try wire("mechanism", &mechanism)
            try wire("iterations", &iterations)
            try wire("salt", &salt)
            try wire("saltedPassword", &saltedPassword)
        }
    }
}

/// Which users were changed.
package struct AlterUserScramCredentialsResponse: WireMessage {
    package static let api = ApiKey.alterUserScramCredentials

    package var throttleTimeMs: Int32 = 0
    package var results: [Result] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("results", &results)
    }
}

extension AlterUserScramCredentialsResponse {
    /// The result for one user.
    package struct Result: WireFields {
        package var user = ""
        package var errorCode: ErrorCode = .none
        package var errorMessage: String?

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("user", &user)
            try wire("errorCode", &errorCode)
            try wire("errorMessage", &errorMessage)
        }
    }
}
