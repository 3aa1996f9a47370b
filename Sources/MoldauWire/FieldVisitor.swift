import MoldauRecords

/// Sees a message's fields by Kafka's names, in the order of the wire, and may change them.
///
/// Elements of lists have no name.
package protocol FieldVisitor: AnyObject {
    /// A number of `bits` bits.
    func number(_ name: String, _ value: inout Int64, bits: Int)
    /// A floating-point number.
    func number(_ name: String, _ value: inout Double)
    /// A truth value.
    func flag(_ name: String, _ value: inout Bool)
    /// A text; nil only where `isNullable`.
    func text(_ name: String, _ value: inout String?, isNullable: Bool)
    /// A topic's or another id of 16 bytes.
    func id(_ name: String, _ value: inout TopicID)
    /// Bytes; nil only where `isNullable`.
    func bytes(_ name: String, _ value: inout WireBytes?, isNullable: Bool)
    /// Record batches.
    func records(_ name: String, _ value: inout RecordData)
    /// A list of `count` elements begins; nil only where `isNullable`. If the count is changed, elements are added
    /// or removed.
    func beginList(_ name: String, count: inout Int?, isNullable: Bool)
    /// Fields within a field, or an element that has fields, begin; absent only where `isNullable`.
    func beginFields(_ name: String, isPresent: inout Bool, isNullable: Bool)
    /// Ends the last list or fields that began; also called for null.
    func end()
    /// Whether tagged fields with their default, which are not on the wire, are shown.
    var showsDefaults: Bool { get }
}
