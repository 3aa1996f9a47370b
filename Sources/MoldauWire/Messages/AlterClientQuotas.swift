// AlterClientQuotas (49), versions 0 to 1.
//
//     1     flexible

import MoldauRecords

/// Sets quotas.
package struct AlterClientQuotasRequest: WireRequest {
    package typealias Response = AlterClientQuotasResponse
    package static let api = ApiKey.alterClientQuotas

    package var entries: [Entry] = []
    package var validateOnly = false

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("entries", &entries)
        try wire("validateOnly", &validateOnly)
    }
}

extension AlterClientQuotasRequest {
    /// An entity and the changes to its quotas.
    package struct Entry: WireFields {
        package var entity: [Entity] = []
        package var ops: [Op] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("entity", &entity)
            try wire("ops", &ops)
        }
    }

    /// A part of an entity: a user, a client id or an address.
    package struct Entity: WireFields {
        package var entityType = ""
        package var entityName: String?

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("entityType", &entityType)
            try wire("entityName", &entityName)
        }
    }

    /// A change of one quota.
    package struct Op: WireFields {
        package var key = ""
        package var value: Double = 0
        package var remove = false

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("key", &key)
            try wire("value", &value)
            try wire("remove", &remove)
        }
    }
}

/// Which quotas were set.
package struct AlterClientQuotasResponse: WireMessage {
    package static let api = ApiKey.alterClientQuotas

    package var throttleTimeMs: Int32 = 0
    package var entries: [Entry] = []

    package init() {}

    package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
        try wire("throttleTimeMs", &throttleTimeMs)
        try wire("entries", &entries)
    }
}

extension AlterClientQuotasResponse {
    /// Whether the quotas of one entity were set.
    package struct Entry: WireFields {
        package var errorCode: ErrorCode = .none
        package var errorMessage: String?
        package var entity: [Entity] = []

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("errorCode", &errorCode)
            try wire("errorMessage", &errorMessage)
            try wire("entity", &entity)
        }
    }

    /// A part of an entity: a user, a client id or an address.
    package struct Entity: WireFields {
        package var entityType = ""
        package var entityName: String?

        package init() {}

        package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
            try wire("entityType", &entityType)
            try wire("entityName", &entityName)
        }
    }
}
