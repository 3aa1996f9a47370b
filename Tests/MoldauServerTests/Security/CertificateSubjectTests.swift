import Foundation
import NIOSSL
import Testing

@testable import MoldauServer

@Suite struct CertificateSubjectTests {
    @Test func `a subject is printed as by Kafka, the last part first`() throws {
        let files = try TLSFiles()
        let certificate = try #require(NIOSSLCertificate.fromPEMFile("\(files.directory)/client.pem").first)
        #expect(
            try CertificateSubject.name(ofCertificate: certificate.toDERBytes())
                == "CN=orders,OU=Shop,O=Example\\, Inc.,C=DE")
    }

    @Test func `bytes that are not a certificate are refused, wherever they end`() throws {
        let files = try TLSFiles()
        let certificate = try #require(NIOSSLCertificate.fromPEMFile("\(files.directory)/client.pem").first)
        let bytes = try certificate.toDERBytes()
        for count in 0..<bytes.count {
            #expect(throws: (any Error).self) {
                try CertificateSubject.name(ofCertificate: Array(bytes.prefix(count)))
            }
        }
        #expect(throws: (any Error).self) { try CertificateSubject.name(ofCertificate: [0x30, 0]) }
    }
}
