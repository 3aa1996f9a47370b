#if Protobuf
    @_exported public import MoldauRecords
    public import SwiftProtobuf

    /// A Protocol Buffers message that is written to topics and stores in its binary form.
    ///
    /// A generated type needs one line:
    ///
    /// ```swift
    /// extension Shop_Order: ProtobufStreamCodable {}
    /// let orders = Topic<String, Shop_Order>("orders")
    /// ```
    /// The bytes are the message alone, without the header that clients of a schema registry put before it. Entries of
    /// map fields are sorted, so that equal messages have equal bytes. Unknown fields are kept. Bytes that are not such
    /// a message, or lack a required field, throw `SerdeError.malformed`.
    public protocol ProtobufStreamCodable: StreamCodable, SwiftProtobuf.Message {}

    extension ProtobufStreamCodable {
        public static var serde: Serde<Self> { .protobuf }
    }

    extension Serde where Value: SwiftProtobuf.Message {
        /// The serde of any Protocol Buffers message; the same as `ProtobufStreamCodable` gives.
        public static var protobuf: Serde<Value> {
            var options = BinaryEncodingOptions()
            options.useDeterministicOrdering = true
            return Serde(
                encode: { [options] message, writer in
                    do {
                        let bytes: [UInt8] = try message.serializedBytes(options: options)
                        writer.append(contentsOf: bytes)
                    } catch {
                        throw SerdeError.malformed(type: Value.protoMessageName, reason: "\(error)")
                    }
                },
                decode: { bytes in
                    do {
                        return try Value(serializedBytes: copy bytes)
                    } catch {
                        throw SerdeError.malformed(type: Value.protoMessageName, reason: "\(error)")
                    }
                })
        }
    }
#endif
