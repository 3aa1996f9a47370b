// DescribeUserScramCredentials (50), version 0.

import MoldauRecords

/// Requests users' SCRAM mechanisms and iterations.
package struct DescribeUserScramCredentialsRequest: WireRequest {
    package typealias Response = DescribeUserScramCredentialsResponse
    package static let api = ApiKey.describeUserScramCredentials

    package var users: [UserName]? = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("users", &users)
    }
}

extension DescribeUserScramCredentialsRequest {
    /// A user to describe.
    package struct UserName: WireFields {
        package var name = ""

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("name", &name)
        }
    }
}

/// How users log in by SCRAM.
package struct DescribeUserScramCredentialsResponse: WireMessage {
    package static let api = ApiKey.describeUserScramCredentials

    package var throttleTimeMs: Int32 = 0
    package var errorCode: ErrorCode = .none
    package var errorMessage: String?
    package var results: [Result] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("errorCode", &errorCode)
        try wire("errorMessage", &errorMessage)
        try wire("results", &results)
    }
}

extension DescribeUserScramCredentialsResponse {
    /// How one user logs in.
    package struct Result: WireFields {
        package var user = ""
        package var errorCode: ErrorCode = .none
        package var errorMessage: String?
        package var credentialInfos: [CredentialInfo] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("user", &user)
            try wire("errorCode", &errorCode)
            try wire("errorMessage", &errorMessage)
            try wire("credentialInfos", &credentialInfos)
        }
    }

    /// A mechanism and its iterations.
    package struct CredentialInfo: WireFields {
        package var mechanism: Int8 = 0
        package var iterations: Int32 = 0

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("mechanism", &mechanism)
            try wire("iterations", &iterations)
        }
    }
}
