// A store's description of itself. It is stored with the store's data, and as a note with the store's changelog:
//
//     shape │ format of keys │ format of values │ size of windows in milliseconds      joined by '|', empty if unknown

import MoldauRecords

/// The format of a store's bytes: existing data on disk or in a changelog can be used only if both have the same form.
package struct StoreForm: Equatable, Sendable {
    /// How rows are laid out in the store and its changelog.
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
        /// Changes that a `suppress` holds back.
        package static let suppressedChanges = Shape("suppressed changes")
        /// The store was being emptied when the process ended.
        package static let emptied = Shape("half emptied")

        /// How many bytes follow the key in a store of windows or sessions; nil for others.
        var windowTrailer: Int? {
            switch self {
            case .window, .duplicatesWindow, .timestampedWindow, .headersWindow: Windowed<Void>.windowTrailerBytes
            case .session: Windowed<Void>.sessionTrailerBytes
            default: nil
            }
        }

        /// Whether rows of the other shape can be read too: values without headers.
        fileprivate func reads(_ other: Shape) -> Bool {
            self == other || self == .headersKeyValue && other == .timestampedKeyValue
                || self == .headersWindow && other == .timestampedWindow
        }
    }

    package var shape: Shape
    /// The `Serde.format` of the keys and values; nil: not compared.
    package var keyFormat: String?
    package var valueFormat: String?
    /// The size of an aggregate's windows; nil if windows have individual ends, or there are none.
    package var sizeMs: Int64?
    /// How long windows or history are kept, by stream time; nil: for ever. It may change from one version of the
    /// program to the next.
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

    /// The note stored with the changelog. It does not contain the retention, which does not affect the bytes.
    package var note: String {
        [shape.name, keyFormat ?? "", valueFormat ?? "", sizeMs.map { "\($0)" } ?? ""].joined(separator: "|")
    }

    /// Parses what `note` returns; nil for other text.
    package init?(note: String) {
        let fields = note.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 4, !fields[0].isEmpty else { return nil }
        self.init(Shape(fields[0]), key: fields[1], value: fields[2], sizeMs: Int64(fields[3]))
    }

    /// Whether a store of this form can read the data of one with the other form.
    package func reads(_ held: StoreForm) -> Bool {
        func agree<Fact: Equatable>(_ fact: KeyPath<StoreForm, Fact?>) -> Bool {
            guard let mine = self[keyPath: fact], let other = held[keyPath: fact] else { return true }
            return mine == other
        }
        return shape.reads(held.shape) && agree(\.keyFormat) && agree(\.valueFormat) && agree(\.sizeMs)
    }

    /// This form, with missing fields filled in from the form of the data.
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
