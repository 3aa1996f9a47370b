// What a store is. It is kept with the store's data, and as a note beside the store's changelog:
//
//     shape │ format of keys │ format of values │ size of windows in milliseconds      joined by '|', nothing for what is not known

import MoldauRecords

/// What a store's bytes are: a store goes on with what is on disk, or in its changelog, only where both are of one form.
package struct StoreForm: Equatable, Sendable {
    /// How rows lie in the store and its changelog.
    package struct Shape: Equatable, Sendable {
        package let name: String
        package init(_ name: String) { self.name = name }

        package static let keyValue = Shape("key-value")
        package static let timestampedKeyValue = Shape("timestamped key-value")
        package static let headersKeyValue = Shape("key-value with headers")
        package static let versioned = Shape("versioned key-value")
        package static let window = Shape("window")
        package static let duplicatesWindow = Shape("window with duplicates")
        package static let timestampedWindow = Shape("timestamped window")
        package static let headersWindow = Shape("window with headers")
        package static let session = Shape("session")
        /// Of a store that was being emptied when the process ended.
        package static let emptied = Shape("half emptied")

        /// What stands behind a key in a store of windows or sessions; nil for others.
        var windowTrailer: Int? {
            switch self {
            case .window, .duplicatesWindow, .timestampedWindow, .headersWindow: Windowed<Void>.windowTrailerBytes
            case .session: Windowed<Void>.sessionTrailerBytes
            default: nil
            }
        }

        /// Whether what `other` wrote is read as well: values without headers.
        fileprivate func reads(_ other: Shape) -> Bool {
            self == other || self == .headersKeyValue && other == .timestampedKeyValue
                || self == .headersWindow && other == .timestampedWindow
        }
    }

    package var shape: Shape
    /// `Serde.format` of the keys and values; nil: not compared.
    package var keyFormat: String?
    package var valueFormat: String?
    /// Of the windows of an aggregate; nil where windows have ends of their own, or there are none.
    package var sizeMs: Int64?
    /// How long windows or history are kept, by stream time; nil: for ever. It may change.
    package var retentionMs: Int64?

    package init(
        _ shape: Shape, key: String?, value: String?, sizeMs: Int64? = nil, retention: Duration? = nil
    ) {
        self.shape = shape
        (keyFormat, valueFormat) = (Self.field(key), Self.field(value))
        self.sizeMs = sizeMs
        retentionMs = retention?.milliseconds
    }

    private static func field(_ format: String?) -> String? {
        guard let format, !format.isEmpty else { return nil }
        return String(format.map { $0 == "|" || $0.isNewline ? "/" : $0 })
    }

    /// What stands beside the changelog. Retention is not part of it: it changes nothing in the bytes.
    package var note: String {
        [shape.name, keyFormat ?? "", valueFormat ?? "", sizeMs.map { "\($0)" } ?? ""].joined(separator: "|")
    }

    /// Reads what `note` wrote; nil for other text.
    package init?(note: String) {
        let fields = note.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 4, !fields[0].isEmpty else { return nil }
        self.init(Shape(fields[0]), key: fields[1], value: fields[2], sizeMs: Int64(fields[3]))
    }

    /// Whether a store of this form reads what one of the other form wrote.
    package func reads(_ held: StoreForm) -> Bool {
        func agree<Fact: Equatable>(_ fact: KeyPath<StoreForm, Fact?>) -> Bool {
            guard let mine = self[keyPath: fact], let other = held[keyPath: fact] else { return true }
            return mine == other
        }
        return shape.reads(held.shape) && agree(\.keyFormat) && agree(\.valueFormat) && agree(\.sizeMs)
    }

    /// This form with what is known of the one that wrote the data.
    func knowing(_ held: StoreForm) -> StoreForm {
        var form = self
        form.keyFormat = keyFormat ?? held.keyFormat
        form.valueFormat = valueFormat ?? held.valueFormat
        form.sizeMs = sizeMs ?? held.sizeMs
        return form
    }
}

extension StoreForm: CustomStringConvertible {
    package var description: String {
        let formats = keyFormat == nil && valueFormat == nil ? "" : " of \(keyFormat ?? "?") to \(valueFormat ?? "?")"
        return "a \(shape.name) store\(formats)\(sizeMs.map { ", windows of \($0) ms" } ?? "")"
    }
}
