// ApiVersions (18): the supported APIs, from the list in the code (`ServedRequests`).
//
// A client's name and version must be of Kafka's form, or the answer is INVALID_REQUEST without a list. No features are
// finalised: `transaction.version` in particular is left out, so that clients use transactions as before KIP-890.

internal import MoldauLog
internal import MoldauWire

extension ApiVersionsRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<ApiVersionsResponse>) {
        if call.version >= 3, !Self.isName(clientSoftwareName) || !Self.isName(clientSoftwareVersion) {
            return call.answer(ApiVersionsResponse { $0.errorCode = .invalidRequest })
        }
        call.answer(ApiVersionsResponse { $0.apiKeys = ServedRequests.all.map(ApiVersionsResponse.ApiVersion.init) })
    }

    /// The form that KIP-511 requires: letters, digits, dots and hyphens, none of the latter two first or last.
    private static func isName(_ text: String) -> Bool {
        func isLetter(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: false
            }
        }
        guard let first = text.utf8.first, let last = text.utf8.last else { return false }
        return isLetter(first) && isLetter(last)
            && text.utf8.allSatisfy { isLetter($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }
}

extension ApiVersionsResponse {
    /// For a client whose request has an unsupported version: lists the supported ones.
    static var refusingVersion: ApiVersionsResponse {
        ApiVersionsResponse {
            $0.errorCode = .unsupportedVersion
            $0.apiKeys = [ApiVersion(ApiVersionsRequest.self)]
        }
    }
}

extension ApiVersionsResponse.ApiVersion {
    fileprivate init(_ type: any ServedRequest.Type) {
        self.init {
            $0.apiKey = type.api.rawValue
            $0.minVersion = type.servedVersions.lowerBound
            $0.maxVersion = type.servedVersions.upperBound
        }
    }
}
