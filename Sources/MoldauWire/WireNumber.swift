import MoldauRecords

/// A number of fixed size on the wire, with its most significant byte first.
package protocol WireNumber: Equatable, Sendable {
    /// An integer of the same size.
    associatedtype Bits: FixedWidthInteger & BitwiseCopyable & Sendable
    /// The number with these bits.
    init(bits: Bits)
    /// The number's bits.
    var bits: Bits { get }
}

extension WireNumber where Self: FixedWidthInteger, Bits == Self {
    package init(bits: Self) { self = bits }
    package var bits: Self { self }
}

extension Int8: WireNumber { package typealias Bits = Int8 }
extension Int16: WireNumber { package typealias Bits = Int16 }
extension UInt16: WireNumber { package typealias Bits = UInt16 }
extension Int32: WireNumber { package typealias Bits = Int32 }
extension Int64: WireNumber { package typealias Bits = Int64 }

extension Offset: WireNumber {
    package init(bits: Int64) { self.init(bits) }
    package var bits: Int64 { value }
}
