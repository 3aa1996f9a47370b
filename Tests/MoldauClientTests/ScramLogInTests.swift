import MoldauNetwork
import Testing

@testable import MoldauClient

@Suite struct ScramLogInTests {
    /// The exchange of RFC 7677, section 3.
    private let logIn = ScramLogIn(hash: .sha256, user: "user", password: "pencil", nonce: "rOprNGfwEbeRWgbNEkqO")

    @Test func `the messages are those of RFC 7677`() throws {
        #expect(logIn.first == Array("n,,n=user,r=rOprNGfwEbeRWgbNEkqO".utf8))
        let challenge = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        let (message, wanted) = try logIn.answer(Array(challenge.utf8))
        #expect(
            String(decoding: message, as: UTF8.self)
                == "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        )
        #expect(String(decoding: wanted, as: UTF8.self) == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    }

    @Test(arguments: [
        "", "r=", "r=other,s=AAAA,i=1", "r=rOprNGfwEbeRWgbNEkqO,s=AAAA,i=4096",
        "r=rOprNGfwEbeRWgbNEkqOx,s=?,i=4096", "r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=0",
        "r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=2000000000", "r=rOprNGfwEbeRWgbNEkqOx,s=AAAA",
    ])
    func `malformed challenges are refused`(challenge: String) {
        #expect(throws: ScramLogIn.Malformed.self) { try logIn.answer(Array(challenge.utf8)) }
    }
}
