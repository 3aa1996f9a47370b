// The subject of a certificate (X.509) as Kafka writes it for principals: RFC 2253, the last part first.
//
//     CN=orders,OU=Shop,O=Example,C=DE

internal import MoldauRecords
internal import SwiftASN1

/// Reads the subject of a certificate.
enum CertificateSubject {
    /// The subject cannot be read.
    struct Unreadable: Error {}

    private static let names: [ASN1ObjectIdentifier: String] = [
        [2, 5, 4, 3]: "CN", [2, 5, 4, 7]: "L", [2, 5, 4, 8]: "ST", [2, 5, 4, 10]: "O", [2, 5, 4, 11]: "OU",
        [2, 5, 4, 6]: "C", [2, 5, 4, 9]: "STREET", [0, 9, 2342, 19_200_300, 100, 1, 25]: "DC",
        [0, 9, 2342, 19_200_300, 100, 1, 1]: "UID",
    ]

    /// The subject of a certificate in DER.
    static func name(ofCertificate der: [UInt8]) throws -> String {
        // Certificate { tbsCertificate { [0] version?, serial, signature, issuer, validity, subject, … }, … }
        let certificate = try children(DER.parse(der))
        guard let body = certificate.first else { throw Unreadable() }
        var fields = try children(body)
        if fields.first?.identifier.tagClass == .contextSpecific { fields.removeFirst() }
        guard fields.count > 4 else { throw Unreadable() }
        return try children(fields[4]).reversed().map(part).joined(separator: ",")
    }

    /// One part: a set of types with values, most often of one.
    private static func part(_ node: ASN1Node) throws -> String {
        try children(node).map { pair in
            let pair = try children(pair)
            guard pair.count == 2, case .primitive(let value) = pair[1].content else { throw Unreadable() }
            let type = try ASN1ObjectIdentifier(derEncoded: pair[0])
            guard let name = names[type], let text = text(value, pair[1].identifier) else {
                return "\(type)=#\(pair[1].encodedBytes.hexadecimal)"
            }
            return "\(name)=\(escape(text))"
        }.joined(separator: "+")
    }

    private static func text(_ bytes: ArraySlice<UInt8>, _ identifier: ASN1Identifier) -> String? {
        switch identifier {
        case .utf8String, .printableString, .ia5String: String(validating: bytes, as: UTF8.self)
        default: nil
        }
    }

    private static func escape(_ text: String) -> String {
        var escaped = ""
        for (place, character) in text.enumerated() {
            let isEdge = place == 0 || place == text.count - 1
            if ",+\"\\<>;".contains(character) || (isEdge && character == " ") || (place == 0 && character == "#") {
                escaped += "\\"
            }
            escaped.append(character)
        }
        return escaped
    }

    private static func children(_ node: ASN1Node) throws -> [ASN1Node] {
        guard case .constructed(let nodes) = node.content else { throw Unreadable() }
        return Array(nodes)
    }
}
